import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import test from 'ava';
import {
  TLS_HANDSHAKES_OPEN_MAX,
  TLS_HANDSHAKES_PER_TURN,
  TLS_HANDSHAKES_WAITING_MAX,
} from '../../../src/limits.js';
import { Handshakes, type QueuedHandshake } from '../../../workers/edge/handshakes.js';
import { CERTS } from '../../helpers/certs.js';
import { TestShard } from '../../helpers/test-shard.js';
import { TlsStage, tlsListener, tlsMaterial } from '../../helpers/tls-stage.js';
import { until } from '../../helpers/with-broker.js';

for (const [kind, files] of [
  ['RSA', CERTS.serverRsa],
  ['ECDSA', CERTS.serverEcdsa],
] as const) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`bytes go both ways: ${version}, ${kind}`, async (t) => {
      const stage = await TlsStage.open(t, { options: { ...files } });
      let heard = '';
      stage.onReady = (link) => {
        link.handler = {
          onBytes: (bytes, start, end) => {
            heard += Buffer.from(bytes.subarray(start, end)).toString();
          },
          onDrain: () => undefined,
          onLinkClosed: () => undefined,
        };
      };
      const client = await stage.client({ minVersion: version, maxVersion: version });
      client.write('hello');
      const link = await stage.link();
      t.true(link.write(Buffer.from('..welcome..'), 2, 9));
      const [answer] = await once(client, 'data');
      t.is(String(answer), 'welcome');
      t.is(client.getProtocol(), version);
      await until(() => heard === 'hello', 'what the client has sent');
    });
  }
}

test('the certificate is the one that contains the name: exact before wildcard, one label for a star, else the default', async (t) => {
  const stage = await TlsStage.open(t, {
    options: {
      'sni.1.certfile': CERTS.sniWildcard.certfile,
      'sni.1.keyfile': CERTS.sniWildcard.keyfile,
      'sni.2.certfile': CERTS.sniExact.certfile,
      'sni.2.keyfile': CERTS.sniExact.keyfile,
      'sni.3.certfile': CERTS.sniNameOnly.certfile,
      'sni.3.keyfile': CERTS.sniNameOnly.keyfile,
    },
  });
  const subjectFor = async (servername?: string): Promise<string> => {
    const client = await stage.client(servername === undefined ? {} : { servername });
    const { subject, subjectaltname } = client.getPeerCertificate();
    return subjectaltname ?? String(subject.CN);
  };
  t.regex(await subjectFor(), /DNS:localhost/);
  t.regex(await subjectFor('localhost'), /DNS:localhost/);
  t.is(await subjectFor('one.wild.example'), 'DNS:one.wild.example');
  t.is(await subjectFor('ONE.Wild.example'), 'DNS:one.wild.example');
  t.is(await subjectFor('two.wild.example'), 'DNS:wild.example, DNS:*.wild.example');
  t.is(await subjectFor('wild.example'), 'DNS:wild.example, DNS:*.wild.example');
  t.is(await subjectFor('cn-only.example'), 'cn-only.example');
  t.regex(await subjectFor('not.in.san.example'), /DNS:localhost/);
  t.regex(await subjectFor('a.two.wild.example'), /DNS:localhost/);
  t.regex(await subjectFor('unknown.example'), /DNS:localhost/);
});

const key = (files: { certfile: string; keyfile: string }): ConnectionOptions => ({
  cert: readFileSync(files.certfile),
  key: readFileSync(files.keyfile),
});
const VERIFY = { verify: 'verify_peer', cacertfile: CERTS.ca, crlfile: CERTS.crl };

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version };

  test(`who shows a certificate shows a good one, who shows none is let in unless it must: ${version}`, async (t) => {
    for (const mustShow of ['true', 'false']) {
      const stage = await TlsStage.open(t, {
        options: { ...VERIFY, fail_if_no_peer_cert: mustShow, peer_cert_as_username: 'cn' },
      });
      const clients = [
        key(CERTS.client),
        {},
        key(CERTS.clientRevoked),
        key(CERTS.clientExpired),
        key(CERTS.clientUnknown),
        key(CERTS.clientNoName),
      ];
      const outcomes: string[] = [];
      for (const [index, options] of clients.entries()) {
        stage.startClient({ ...only, ...options }).on('error', () => undefined);
        const outcome = await stage.outcome(index);
        outcomes.push(outcome.ok ? `ok ${outcome.username}` : outcome.reason);
      }
      t.deepEqual(outcomes, [
        'ok meter-0001',
        mustShow === 'true' ? 'bad_certificate' : 'ok null',
        'bad_certificate',
        'bad_certificate',
        'bad_certificate',
        'no_certificate_name',
      ]);
    }
  });

  test(`a client resumes its session at any endpoint with the same keys, and its username comes along: ${version}`, async (t) => {
    const ticketKeys = Buffer.alloc(48, 7);
    const options = { ...VERIFY, peer_cert_as_username: 'cn' };
    const first = await TlsStage.open(t, { options, ticketKeys });
    const second = await TlsStage.open(t, { options, ticketKeys });
    const session = await sessionOf(first.startClient({ ...only, ...key(CERTS.client) }));
    const again = await second.client({ ...only, session });
    t.true(again.isSessionReused());
    t.like(await second.outcome(), { ok: true, username: 'meter-0001' });
  });

  test(`a ticket is worth nothing with other keys, other authorities, or where sessions are not resumed: ${version}`, async (t) => {
    const ticketKeys = Buffer.alloc(48, 7);
    const first = await TlsStage.open(t, { options: VERIFY, ticketKeys });
    const session = await sessionOf(first.startClient({ ...only, ...key(CERTS.client) }));
    const isResumed = async (stage: TlsStage): Promise<boolean> =>
      (await stage.client({ ...only, session })).isSessionReused();
    t.true(await isResumed(await TlsStage.open(t, { options: VERIFY, ticketKeys })));
    const otherKeys = Buffer.alloc(48, 8);
    t.false(await isResumed(await TlsStage.open(t, { options: VERIFY, ticketKeys: otherKeys })));
    t.false(await isResumed(await TlsStage.open(t, { ticketKeys })));
    const { crlfile: _, ...noneRevoked } = VERIFY;
    t.false(await isResumed(await TlsStage.open(t, { options: noneRevoked, ticketKeys })));
    const off = await TlsStage.open(t, { options: { reuse_sessions: 'off' } });
    t.false(await isResumed(off));
    const offSession = await sessionOf(off.startClient(only));
    t.false((await off.client({ ...only, session: offSession })).isSessionReused());
  });
}

/** A session is complete when the server has answered: in TLS 1.3 its ticket comes after the handshake. */
async function sessionOf(client: TLSSocket): Promise<Buffer> {
  let session: Buffer | undefined;
  client.on('session', (latest: Buffer) => {
    session = latest;
  });
  await once(client, 'secureConnect');
  if (client.getProtocol() === 'TLSv1.2') return client.getSession()!;
  await until(() => session !== undefined, 'a session ticket');
  return session!;
}

test('dn is the subject as RFC 4514 writes it, crt the certificate in base64', async (t) => {
  const usernameOf = async (kind: string): Promise<unknown> => {
    const stage = await TlsStage.open(t, { options: { ...VERIFY, peer_cert_as_username: kind } });
    await stage.client(key(CERTS.client));
    const outcome = await stage.outcome();
    return outcome.ok && outcome.username;
  };
  t.is(await usernameOf('dn'), 'CN=meter-0001,OU=Line 1\\, West,O=shardmq tests,C=DE');
  const pem = readFileSync(CERTS.client.certfile, 'latin1');
  t.is(await usernameOf('crt'), pem.replaceAll(/-----.*-----|\n/g, ''));
});

test('versions and ciphers are those of the listener; a client that has none of them is refused', async (t) => {
  const stage = await TlsStage.open(t, {
    options: { tls_versions: 'tlsv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384,ECDHE-RSA-AES128-GCM-SHA256' },
  });
  const client = await stage.client();
  t.is(client.getProtocol(), 'TLSv1.2');
  // Its order counts, not the client's.
  const polite = await stage.client({ ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384' });
  t.is(polite.getCipher().name, 'ECDHE-RSA-AES256-GCM-SHA384');
  for (const [index, options] of [
    { minVersion: 'TLSv1.3' } as const,
    { ciphers: 'ECDHE-RSA-CHACHA20-POLY1305', maxVersion: 'TLSv1.2' } as const,
  ].entries()) {
    const [error] = await once(stage.startClient(options), 'error');
    t.truthy(error);
    t.is(await stage.reason(index + 2), 'tls_error');
  }
});

test('old versions work where they are asked for', async (t) => {
  const stage = await TlsStage.open(t, { options: { tls_versions: 'tlsv1.1,tlsv1' } });
  const client = await stage.client({
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  });
  t.is(client.getProtocol(), 'TLSv1.1');
});

test('a file of Diffie-Hellman parameters makes those ciphers possible', async (t) => {
  const ciphers = 'DHE-RSA-AES128-GCM-SHA256';
  const stage = await TlsStage.open(t, { options: { dhfile: CERTS.dh, ciphers, tls_versions: 'tlsv1.2' } });
  const client = await stage.client({ ciphers, maxVersion: 'TLSv1.2' });
  t.is(client.getCipher().name, ciphers);
});

test('new certificates are for new connections; those that are open go on', async (t) => {
  const stage = await TlsStage.open(t, { options: { ...CERTS.serverExpired } });
  const old = await stage.client();
  const link = await stage.link();
  const before = old.getPeerX509Certificate()!.fingerprint256;
  const listener = tlsListener({
    ...CERTS.serverEcdsa,
    'sni.1.certfile': CERTS.sniExact.certfile,
    'sni.1.keyfile': CERTS.sniExact.keyfile,
  });
  stage.endpoint.update(await tlsMaterial(listener));
  const fresh = await stage.client();
  t.not(fresh.getPeerX509Certificate()!.fingerprint256, before);
  link.write(Buffer.from('still here'), 0, 10);
  const [bytes] = await once(old, 'data');
  t.is(String(bytes), 'still here');
});

class Counted implements QueuedHandshake {
  waiting = false;
  reason = '';
  constructor(private readonly started: Counted[]) {}
  start(): void {
    this.started.push(this);
  }
  fail(reason: string): void {
    this.reason = reason;
  }
}

test('a few handshakes start per turn, in order; those given up cost no place, and the newest too many is refused', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const queue = new Handshakes(shard.parts.turn);
  const started: Counted[] = [];
  const all = Array.from({ length: TLS_HANDSHAKES_WAITING_MAX }, () => new Counted(started));
  t.true(all.every((each) => queue.add(each)));
  t.false(queue.add(new Counted(started)));
  for (const each of all.slice(1, 1_000)) queue.remove(each);
  t.is(queue.count, TLS_HANDSHAKES_WAITING_MAX - 999);
  t.true(queue.add(new Counted(started)));
  t.true(queue.run());
  t.deepEqual(started, [all[0], ...all.slice(1_000, 999 + TLS_HANDSHAKES_PER_TURN)]);
  await until(() => queue.count === 0, 'all to be started');
  t.deepEqual(started.slice(0, -1), [all[0], ...all.slice(1_000)]);
});

test('of too many that have started and do not finish the oldest goes', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const queue = new Handshakes(shard.parts.turn);
  const all = Array.from({ length: TLS_HANDSHAKES_OPEN_MAX + 5 }, () => new Counted([]));
  for (const each of all) queue.add(each);
  await until(() => all[2]!.waiting === false, 'the first three');
  queue.remove(all[0]!);
  queue.remove(all[2]!);
  await until(() => queue.count === 0, 'all to be started');
  const failed = all.filter(({ reason }) => reason === 'tls_busy');
  t.deepEqual(failed, [all[1], all[3], all[4]]);
});

test('a handshake that is over, for good or bad, counts no more', async (t) => {
  const stage = await TlsStage.open(t);
  (await stage.client()).destroy();
  (await stage.plainClient()).write(Buffer.of(0x16, 3, 1, 0, 4, 2, 0, 0, 0));
  t.is(await stage.reason(1), 'tls_error');
  t.is(stage.queue.openCount, 0);
  // The beginning of a ClientHello.
  (await stage.plainClient()).write(Buffer.of(0x16, 3, 1, 0, 4, 1, 0, 1, 0));
  await until(() => stage.queue.openCount === 1, 'its start');
  stage.opened[2]!.attempt.abort();
  t.is(stage.queue.openCount, 0);
});

test('a connection that finds the line full is refused as busy', async (t) => {
  const stage = await TlsStage.open(t);
  const never: Counted[] = [];
  const fill = (): void => {
    while (stage.queue.add(new Counted(never)));
  };
  stage.startClient().on('error', () => undefined);
  // In the same turn as the connection is taken over, so that none of them has started.
  stage.beforeTaking = fill;
  t.is(await stage.reason(), 'tls_busy');
});
