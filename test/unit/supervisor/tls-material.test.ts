import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import test from 'ava';
import { TLS_FILE_BYTES_MAX } from '../../../src/limits.js';
import { loadTlsMaterial, type TlsMaterialResult } from '../../../src/supervisor/tls-material.js';
import { CERTS } from '../../helpers/certs.js';
import { tlsListener } from '../../helpers/tls-stage.js';
import { tempDirectory } from '../../helpers/with-broker.js';

const load = (options: Readonly<Record<string, string>>): Promise<TlsMaterialResult> =>
  loadTlsMaterial(0, tlsListener(options), Date.now());

const VERIFY = { verify: 'verify_peer', cacertfile: CERTS.ca };

function write(name: string, content: string | Buffer): string {
  const path = join(tempDirectory(), name);
  writeFileSync(path, content);
  return path;
}

test('everything that is given is read, and OpenSSL takes it', async (t) => {
  const { material, issues, warnings } = await load({
    ...VERIFY,
    crlfile: CERTS.crl,
    dhfile: CERTS.dh,
    'sni.1.certfile': CERTS.sniWildcard.certfile,
    'sni.1.keyfile': CERTS.sniWildcard.keyfile,
    'sni.2.certfile': CERTS.sniNameOnly.certfile,
    'sni.2.keyfile': CERTS.sniNameOnly.keyfile,
  });
  t.deepEqual([...issues, ...warnings], []);
  t.deepEqual(material!.certificate.names, ['localhost']);
  t.deepEqual(
    material!.sni.map(({ names }) => names),
    [['wild.example', '*.wild.example'], ['cn-only.example']],
  );
  const { ticketKeys, ...options } = material!.options;
  t.is(ticketKeys, undefined);
  t.notThrows(() => createSecureContext({ ...options, ...material!.certificate }));
});

test('what is wrong is said with the key, the file and the reason', async (t) => {
  const directory = tempDirectory();
  const { certfile, keyfile } = CERTS.serverRsa;
  const secret = createPrivateKey(readFileSync(keyfile));
  const locked = write(
    'locked.pem',
    secret.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }),
  );
  const empty = write('empty.pem', '\n');
  const text = write('text.pem', 'no PEM at all');
  const broken = write(
    'broken.pem',
    readFileSync(certfile, 'latin1').replace(/\n\w{20}/, `\n${'A'.repeat(20)}`),
  );
  const large = write('large.pem', Buffer.alloc(TLS_FILE_BYTES_MAX + 1, ' '));
  mkdirSync(join(directory, 'folder'));
  const cases: [options: Record<string, string>, line: string][] = [
    [{ certfile: join(directory, 'none.pem') }, `certfile: ${directory}/none.pem: not found`],
    [{ certfile: join(directory, 'folder') }, `certfile: ${directory}/folder: is no regular file`],
    [{ certfile: empty }, `certfile: ${empty}: is empty`],
    [{ certfile: text }, `certfile: ${text}: is no PEM file: it has no line -----BEGIN ...`],
    [{ certfile: large }, `certfile: ${large}: has more than ${TLS_FILE_BYTES_MAX} bytes`],
    [{ certfile: broken }, `certfile: ${broken}: its certificate cannot be read`],
    [{ certfile: keyfile }, `certfile: ${keyfile}: holds no certificate`],
    [{ keyfile: certfile }, `keyfile: ${certfile}: holds no private key`],
    [
      { keyfile: locked },
      `keyfile: ${locked}: is locked with a passphrase; the broker needs a key without one`,
    ],
    [
      { keyfile: CERTS.serverEcdsa.keyfile },
      `keyfile: ${CERTS.serverEcdsa.keyfile}: is not the key of the certificate in ${certfile}`,
    ],
    [{ ...VERIFY, cacertfile: keyfile }, `cacertfile: ${keyfile}: holds no certificate`],
    [{ ...VERIFY, cacertfile: broken }, `cacertfile: ${broken}: certificate 1 of the file cannot be read`],
    [
      { ...VERIFY, crlfile: CERTS.ca },
      `crlfile: ${CERTS.ca}: holds no list of revoked certificates (X509 CRL)`,
    ],
    [{ dhfile: CERTS.ca }, `dhfile: ${CERTS.ca}: holds no Diffie-Hellman parameters`],
    [
      { 'sni.1.certfile': CERTS.clientNoName.certfile, 'sni.1.keyfile': CERTS.clientNoName.keyfile },
      `sni.1.certfile: ${CERTS.clientNoName.certfile}: is for no host name`,
    ],
    [
      { 'sni.1.certfile': CERTS.sniExact.certfile, 'sni.1.keyfile': keyfile },
      `sni.1.keyfile: ${keyfile}: is not the key of the certificate in ${CERTS.sniExact.certfile}`,
    ],
  ];
  for (const [options, line] of cases) {
    const { material, issues } = await load(options);
    t.is(material, null);
    t.deepEqual(issues, [`listener.ssl.test.${line}`]);
  }
});

test('several mistakes are several lines', async (t) => {
  const { issues } = await load({
    ...VERIFY,
    certfile: '/no/cert.pem',
    keyfile: '/no/key.pem',
    cacertfile: '/no/ca.pem',
  });
  t.deepEqual(issues.length, 3);
});

test('a certificate that is not valid today is used with a warning', async (t) => {
  const { material, warnings } = await load({ ...CERTS.serverExpired });
  t.truthy(material);
  t.is(warnings.length, 1);
  t.regex(
    warnings[0]!,
    /^listener\.ssl\.test\.certfile: .*server-expired\.pem: expired on Jan {2}1 .* 2021 GMT$/,
  );
  const early = await loadTlsMaterial(0, tlsListener(), 0);
  t.regex(early.warnings[0]!, /valid from .* only$/);
});

test('parts that are good by themselves and do not fit together are an error', async (t) => {
  const strict = await load({ ciphers: 'DEFAULT:@SECLEVEL=3' });
  t.is(strict.material, null);
  t.regex(strict.issues[0]!, /^listener\.ssl\.test\.certfile: .*: OpenSSL does not take it: .*key too small/);
  const { certfile, keyfile } = CERTS.serverEcdsa;
  const { certfile: weak, keyfile: weakKey } = CERTS.sniNameOnly;
  const sni = await load({
    certfile,
    keyfile,
    'sni.1.certfile': weak,
    'sni.1.keyfile': weakKey,
    ciphers: 'DEFAULT:@SECLEVEL=3',
  });
  t.is(sni.issues.length, 1);
  t.regex(sni.issues[0]!, /^listener\.ssl\.test\.sni\.1\.certfile: .*sni-name-only/);
});

test('ciphers that are not known here are left out with a warning; with none left it is an error', async (t) => {
  const some = await load({ ciphers: 'ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-NOTHING-SHA256' });
  t.deepEqual(some.warnings, [
    'listener.ssl.test.ciphers: unknown here and left out: ECDHE-RSA-NOTHING-SHA256',
  ]);
  t.truthy(some.material);
  const none = await load({ ciphers: 'ECDHE-RSA-NOTHING-SHA256' });
  t.is(none.material, null);
  t.regex(none.issues[0]!, /^listener\.ssl\.test\.ciphers: OpenSSL does not take it: /);
});

test('all lists of revoked certificates of a file count', async (t) => {
  const list = readFileSync(CERTS.crl, 'latin1');
  const { material } = await load({ ...VERIFY, crlfile: write('two.pem', `${list}\nsome text\n${list}`) });
  t.is(material!.options.crl!.length, 2);
});
