/** PROXY headers: what is generated is read back; what is cut or spoiled is never taken for something else. */
import { SocketAddress } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { normalAddress } from '../../../src/base/access.js';
import { PROXY_HEADER_BYTES_MAX } from '../../../src/limits.js';
import { type ProxyHeader, readProxyHeader } from '../../../src/supervisor/proxy-header.js';
import { ipv4Addresses, proxyBinary, proxyField, proxyLine, sslField } from '../../helpers/proxy-headers.js';

const TCP4 = 0x11;
const TCP6 = 0x21;
const read = (text: string) => readProxyHeader(Buffer.from(text, 'latin1'));

const port = fc.integer({ min: 0, max: 65_535 });
const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
const field = fc
  .tuple(fc.integer({ min: 1, max: 0x1f }), fc.uint8Array({ maxLength: 40 }))
  .map(([type, value]) => proxyField(type, value));
const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 30 })
  .filter((text) => !text.includes('\0'));
const usual = (address: string): string =>
  normalAddress(new SocketAddress({ address, family: 'ipv6' }).address);

interface Sample {
  readonly header: Buffer;
  readonly expected: Omit<ProxyHeader, 'bytes'>;
}

const line4 = fc.tuple(fc.ipV4(), port).map(
  ([address, source]): Sample => ({
    header: proxyLine(address, source),
    expected: { source: { address, port: source }, certificateName: null },
  }),
);
const line6 = fc.tuple(fc.ipV6(), port).map(
  ([address, source]): Sample => ({
    header: proxyLine(address, source),
    expected: { source: { address: usual(address), port: source }, certificateName: null },
  }),
);
const binary4 = fc.tuple(octets, port, fc.array(field, { maxLength: 4 }), fc.option(name)).map(
  ([address, source, fields, commonName]): Sample => ({
    header: proxyBinary({
      family: TCP4,
      addresses: ipv4Addresses(address, source),
      fields: Buffer.concat([...fields, ...(commonName === null ? [] : [sslField(Buffer.from(commonName))])]),
    }),
    expected: { source: { address: address.join('.'), port: source }, certificateName: commonName },
  }),
);
const binary6 = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), port)
  .map(([bytes, source]): Sample => {
    const groups = Array.from({ length: 8 }, (_, i) =>
      Buffer.from(bytes)
        .readUInt16BE(2 * i)
        .toString(16),
    );
    const rest = Buffer.alloc(20);
    rest.writeUInt16BE(source, 16);
    return {
      header: proxyBinary({ family: TCP6, addresses: Buffer.concat([bytes, rest]) }),
      expected: { source: { address: usual(groups.join(':')), port: source }, certificateName: null },
    };
  });
const local = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 })).map(
  ([family, addresses]): Sample => ({
    header: proxyBinary({ command: 0x20, family, addresses }),
    expected: { source: null, certificateName: null },
  }),
);
const sample = fc.oneof(line4, line6, binary4, binary6, local);

test('a header is read as it was written, whatever follows it', (t) => {
  fc.assert(
    fc.property(sample, fc.uint8Array({ maxLength: 50 }), ({ header, expected }, behind) => {
      const found = readProxyHeader(Buffer.concat([header, behind]));
      t.deepEqual(found, { bytes: header.length, ...expected });
    }),
  );
});

test('any shorter beginning of a header asks for more', (t) => {
  fc.assert(
    fc.property(sample, fc.nat(), ({ header }, cut) => {
      return readProxyHeader(header.subarray(0, cut % header.length)) === 'more';
    }),
  );
  t.pass();
});

test('no bytes make it throw, and a verdict stays when more bytes come', (t) => {
  const starts = [
    Buffer.alloc(0),
    Buffer.from('PROXY '),
    Buffer.from('PROXY TCP4 1.2.3.4 '),
    proxyBinary({ family: TCP4, addresses: ipv4Addresses([1, 2, 3, 4], 5) }).subarray(0, 12),
    proxyBinary({ family: TCP4, addresses: ipv4Addresses([1, 2, 3, 4], 5) }).subarray(0, 14),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...starts),
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 20 }),
      (start, noise, more) => {
        const bytes = Buffer.concat([start, noise]);
        const verdict = readProxyHeader(bytes);
        if (verdict !== 'more') t.deepEqual(readProxyHeader(Buffer.concat([bytes, more])), verdict);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('a header with one byte changed is refused, asks for more, or ends no later than it said', (t) => {
  fc.assert(
    fc.property(sample, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ header }, at, change) => {
      const spoiled = Buffer.from(header);
      spoiled[at % header.length]! ^= change;
      const found = readProxyHeader(spoiled);
      return typeof found === 'string' || found.bytes <= spoiled.length;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('version 1 is strict: families, addresses, ports, single spaces, one kind of line end', (t) => {
  const right = 'PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n';
  t.not(read(right), 'wrong');
  const wrong = [
    right.replace('TCP4', 'TCP6'),
    right.replace('TCP4', 'tcp4'),
    right.replace('TCP4', 'UDP4'),
    right.replace('1.2.3.4', '1.2.3.400'),
    right.replace('1.2.3.4', '01.2.3.4'),
    right.replace('5.6.7.8', 'host'),
    right.replace(' 9 ', ' 65536 '),
    right.replace(' 9 ', ' 09 '),
    right.replace(' 9 ', ' +9 '),
    right.replace(' 9 ', '  9 '),
    right.replace(' 9 ', ' '),
    right.replace('10', '10 11'),
    right.replace('\r', ''),
    'PROXY TCP6 fe80::1%eth0 ::1 9 10\r\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY\r\n',
    'proxy TCP4 1.2.3.4 5.6.7.8 9 10\r\n',
    'GET / HTTP/1.1\r\n',
    '\r\n\r\nPROXY',
  ];
  for (const text of wrong) t.is(read(text), 'wrong', text);
});

test('version 1 has at most 107 bytes', (t) => {
  const fits = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`;
  t.deepEqual(read(fits), { bytes: 107, source: null, certificateName: null });
  t.is(read(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`), 'wrong');
  t.is(read('PROXY UNKNOWN '.padEnd(106, 'x')), 'more');
  t.is(read('PROXY UNKNOWN '.padEnd(107, 'x')), 'wrong');
  t.deepEqual(read('PROXY UNKNOWN\r\n'), { bytes: 15, source: null, certificateName: null });
});

test('version 2 is strict: version, command, family, lengths', (t) => {
  const addresses = ipv4Addresses([1, 2, 3, 4], 5);
  const right = proxyBinary({ family: TCP4, addresses });
  t.like(readProxyHeader(right), { bytes: 28, source: { address: '1.2.3.4', port: 5 } });
  for (const command of [0x11, 0x22, 0x2f, 0x31, 0x01]) {
    t.is(readProxyHeader(proxyBinary({ command, family: TCP4, addresses }).subarray(0, 13)), 'wrong');
  }
  for (const family of [0x01, 0x10, 0x12, 0x22, 0x32, 0x41, 0xff]) {
    t.is(readProxyHeader(proxyBinary({ family, addresses: Buffer.alloc(216) })), 'wrong', String(family));
  }
  t.is(readProxyHeader(proxyBinary({ family: TCP4, addresses: addresses.subarray(1) })), 'wrong');
  t.is(readProxyHeader(proxyBinary({ family: TCP6, addresses })), 'wrong');
  t.is(readProxyHeader(proxyBinary({ family: TCP4, addresses, fields: Buffer.from([1, 0]) })), 'wrong');
  t.is(readProxyHeader(proxyBinary({ family: TCP4, addresses, fields: Buffer.from([1, 0, 1]) })), 'wrong');
  t.is(
    readProxyHeader(proxyBinary({ family: TCP4, addresses, fields: proxyField(0x20, Buffer.alloc(4)) })),
    'wrong',
  );
  const broken = proxyField(0x20, Buffer.from([3, 0, 0, 0, 0, 0x22, 0, 2, 0x61]));
  t.is(readProxyHeader(proxyBinary({ family: TCP4, addresses, fields: broken })), 'wrong');
});

test('a proxy that names no address of a network leaves the one that the socket has', (t) => {
  const none = proxyBinary({ family: 0x00, addresses: Buffer.alloc(0) });
  t.deepEqual(readProxyHeader(none), { bytes: 16, source: null, certificateName: null });
  const unix = proxyBinary({ family: 0x31, addresses: Buffer.alloc(216) });
  t.deepEqual(readProxyHeader(unix), { bytes: 232, source: null, certificateName: null });
});

test('version 2 is bounded in bytes as soon as its length is known', (t) => {
  const fields = (bytes: number): Buffer => proxyField(0x04, Buffer.alloc(bytes - 3));
  const addresses = ipv4Addresses([1, 2, 3, 4], 5);
  const largest = proxyBinary({ family: TCP4, addresses, fields: fields(PROXY_HEADER_BYTES_MAX - 28) });
  t.is(largest.length, PROXY_HEADER_BYTES_MAX);
  t.like(readProxyHeader(largest), { bytes: PROXY_HEADER_BYTES_MAX });
  const larger = proxyBinary({ family: TCP4, addresses, fields: fields(PROXY_HEADER_BYTES_MAX - 27) });
  t.is(readProxyHeader(larger.subarray(0, 16)), 'wrong');
});

test("a certificate's name counts only when the proxy has verified the certificate", (t) => {
  const nameOf = (fields: Buffer) => {
    const addresses = ipv4Addresses([1, 2, 3, 4], 5);
    const found = readProxyHeader(proxyBinary({ family: TCP4, addresses, fields }));
    return typeof found === 'string' ? found : found.certificateName;
  };
  const device = Buffer.from('device-7');
  t.is(nameOf(sslField(device)), 'device-7');
  t.is(nameOf(sslField(device, 0x05)), 'device-7', 'shown when the session began');
  t.is(nameOf(sslField(device, 0x01)), null, 'not shown');
  t.is(nameOf(sslField(device, 0x03, 1)), null, 'not verified');
  t.is(nameOf(sslField(Buffer.alloc(0))), null);
  t.is(nameOf(sslField(Buffer.from([0xc3, 0x28]))), 'wrong', 'not UTF-8');
  t.is(nameOf(sslField(Buffer.from('a\0b'))), 'wrong');
});
