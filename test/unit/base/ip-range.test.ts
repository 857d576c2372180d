import { BlockList } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import {
  formatIpRange,
  networkOf,
  parseIpAddress,
  parseIpRange,
  rangeContains,
} from '../../../src/base/ip-range.js';

test('addresses are read in any spelling, with an IPv4 address in IPv6 as itself', (t) => {
  t.deepEqual(parseIpAddress('192.168.0.1'), [0xc0a8, 1]);
  t.deepEqual(parseIpAddress('::ffff:192.168.0.1'), [0xc0a8, 1]);
  t.deepEqual(parseIpAddress('::'), [0, 0, 0, 0, 0, 0, 0, 0]);
  t.deepEqual(parseIpAddress('2001:DB8:0::1'), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
  t.deepEqual(parseIpAddress('::1.2.3.4'), [0, 0, 0, 0, 0, 0, 0x102, 0x304]);
  t.deepEqual(parseIpAddress('fe80::1%eth0'), [0xfe80, 0, 0, 0, 0, 0, 0, 1]);
  for (const wrong of ['', 'unix', '1.2.3', '1.2.3.4.5', '1.2.3.4/8', ':::', 'example.org']) {
    t.is(parseIpAddress(wrong), null, wrong);
  }
});

test('ranges are normalised, and what is none is refused', (t) => {
  const usual = (text: string): string | null => {
    const range = parseIpRange(text);
    return range === null ? null : formatIpRange(range);
  };
  t.is(usual('192.168.0.1/24'), '192.168.0.0/24');
  t.is(usual('192.168.0.1/32'), '192.168.0.1');
  t.is(usual('1.2.3.4/0'), '0.0.0.0/0');
  t.is(usual('2001:db8:ffff::/33'), '2001:db8:8000::/33');
  t.is(usual('::1'), '::1');
  for (const wrong of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    'all',
    'fe80::%1/64',
  ]) {
    t.is(usual(wrong), null, wrong);
  }
});

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();

test('a range contains what Node.js says it does', (t) => {
  const inOneNetwork = fc.oneof(
    fc.tuple(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), fc.constant('ipv4' as const)),
    fc.tuple(ipv6, ipv6, fc.integer({ min: 0, max: 128 }), fc.constant('ipv6' as const)),
  );
  fc.assert(
    fc.property(inOneNetwork, ([base, address, bits, family]) => {
      const list = new BlockList();
      list.addSubnet(base, bits, family);
      const range = parseIpRange(`${base}/${bits}`)!;
      // An IPv4 address within IPv6 is one of IPv4 to us.
      if (range.words.length !== parseIpAddress(address)!.length) return true;
      if (family === 'ipv6' && range.words.length === 2) return true;
      return rangeContains(range, parseIpAddress(address)!) === list.check(address, family);
    }),
  );
  t.pass();
});

test('reading what was written gives the same range', (t) => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), fc.nat(32), (base, bits) => {
      const range = parseIpRange(`${base}/${bits}`)!;
      t.deepEqual(parseIpRange(formatIpRange(range)), range);
    }),
  );
});

test('whoever has one address of IPv6 has the 2^64 of its network, and one of IPv4 only that', (t) => {
  const networks = (...addresses: string[]): number => new Set(addresses.map(networkOf)).size;
  const many = Array.from({ length: 100 }, (_, i) => `2001:db8:1:2:${i.toString(16)}::1`);
  t.is(networks(...many, '2001:db8:1:2::', '2001:DB8:1:2::9'), 1);
  t.is(networks('2001:db8:1:2::1', '2001:db8:1:3::1'), 2);
  t.is(networks('fe80::1%eth0', 'fe80::2%eth1'), 1);
  t.is(networks('::ffff:10.0.0.1', '10.0.0.1', '10.0.0.2'), 2);
  t.is(networks('', 'unix'), 2);
});
