import { copyFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import type { Alarm, TlsMaterial } from '../../../src/actor/shard-protocol.js';
import { SystemClock } from '../../../src/base/clock.js';
import { BrokerError } from '../../../src/base/errors.js';
import { TICKET_KEYS_ROTATION_MS, TLS_FILES_POLL_MS } from '../../../src/limits.js';
import { Certificates } from '../../../src/supervisor/certificates.js';
import { CERTS, type CertPair } from '../../helpers/certs.js';
import { tlsListener } from '../../helpers/tls-stage.js';
import { RecordingLogger, tempDirectory, until } from '../../helpers/with-broker.js';

/** Files that change, and what main would tell the shards. */
class Stage {
  readonly directory = tempDirectory();
  readonly certfile = join(this.directory, 'cert.pem');
  readonly keyfile = join(this.directory, 'key.pem');
  readonly clock = new SystemClock();
  readonly logger = new RecordingLogger();
  readonly updates: (readonly TlsMaterial[])[] = [];
  readonly alarms: Alarm[] = [];
  readonly cleared: string[] = [];
  /** What shards do with an update. */
  onUpdate: () => Promise<void> = () => Promise.resolve();
  readonly certificates: Certificates;

  constructor(options: Readonly<Record<string, string>> = {}) {
    this.use(CERTS.serverRsa);
    const { certfile, keyfile } = this;
    const plain = { ...tlsListener(), tls: null };
    this.certificates = new Certificates(
      [plain, tlsListener({ certfile, keyfile, ...options })],
      this.clock,
      this.logger,
      {
        update: (tls) => {
          this.updates.push(tls);
          return this.onUpdate();
        },
        alarmRaised: (alarm) => this.alarms.push(alarm),
        alarmCleared: (id) => this.cleared.push(id),
      },
    );
  }

  use({ certfile, keyfile }: CertPair): void {
    copyFileSync(certfile, this.certfile);
    copyFileSync(keyfile, this.keyfile);
  }

  get inForce(): string {
    return this.certificates.material[0]!.certificate.cert;
  }
}

test('what is loaded belongs to its listener and has the keys for tickets', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  const [material, ...others] = stage.certificates.material;
  t.is(others.length, 0);
  t.is(material!.listener, 1);
  t.is(material!.options.ticketKeys!.length, 48);
  const without = new Stage({ reuse_sessions: 'off' });
  await without.certificates.load();
  t.is(without.certificates.material[0]!.options.ticketKeys, undefined);
});

test('at start, what is wrong is an error with a line for each mistake', async (t) => {
  const stage = new Stage({ dhfile: '/nothing/here' });
  writeFileSync(stage.certfile, '');
  const error = await t.throwsAsync(stage.certificates.load(), { instanceOf: BrokerError });
  t.is(error.code, 'CERTIFICATE_FAILED');
  t.is(error.issues.length, 2);
});

test('a changed file is used when two looks have seen the same, once', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  const old = stage.inForce;
  await stage.certificates.look();
  await stage.certificates.look();
  t.is(stage.updates.length, 0);
  stage.use(CERTS.serverEcdsa);
  await stage.certificates.look();
  t.is(stage.updates.length, 0, 'it may not be written to its end yet');
  await stage.certificates.look();
  t.is(stage.updates.length, 1);
  t.not(stage.inForce, old);
  t.is(stage.updates[0]![0]!.certificate.cert, stage.inForce);
  await stage.certificates.look();
  await stage.certificates.look();
  t.is(stage.updates.length, 1);
});

test('the files are looked at every few seconds', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  stage.use(CERTS.serverEcdsa);
  await until(() => {
    stage.clock.advance(TLS_FILES_POLL_MS);
    stage.certificates.sweep(stage.clock.monotonicMs());
    return stage.updates.length === 1;
  }, 'the update');
  t.pass();
});

test('a symbolic link that points elsewhere is a change', async (t) => {
  const stage = new Stage();
  const link = join(stage.directory, 'link.pem');
  for (const [from, to] of [
    [stage.certfile, 'cert-1.pem'],
    [stage.keyfile, 'key-1.pem'],
  ] as const) {
    renameSync(from, join(stage.directory, to));
    symlinkSync(to, from);
  }
  await stage.certificates.load();
  const old = stage.inForce;
  symlinkSync(CERTS.serverEcdsa.certfile, link);
  renameSync(link, stage.certfile);
  symlinkSync(CERTS.serverEcdsa.keyfile, link);
  renameSync(link, stage.keyfile);
  await stage.certificates.look();
  await stage.certificates.look();
  t.is(stage.updates.length, 1);
  t.not(stage.inForce, old);
});

test('files that do not fit together change nothing; the alarm goes when they do', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  const old = stage.inForce;
  copyFileSync(CERTS.serverEcdsa.certfile, stage.certfile);
  await stage.certificates.look();
  await stage.certificates.look();
  t.is(stage.alarms.length, 1);
  t.like(stage.alarms[0], { id: 'tls_reload_failed', severity: 'error' });
  t.true(stage.logger.has('error', /keyfile: .* is not the key of the certificate in/));
  t.is(stage.inForce, old);
  await stage.certificates.look();
  await stage.certificates.look();
  await t.throwsAsync(stage.certificates.reload(), { message: /is not the key of the certificate/ });
  t.is(stage.alarms.length, 1, 'once, however often it fails');
  t.is(stage.updates.length, 0);
  copyFileSync(CERTS.serverEcdsa.keyfile, stage.keyfile);
  await stage.certificates.look();
  await stage.certificates.look();
  t.is(stage.cleared.length, 1);
  t.not(stage.inForce, old);
});

test('reloads happen one at a time, and calls during one share the next', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  let finish: () => void = () => t.fail();
  stage.onUpdate = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  const first = stage.certificates.reload();
  await until(() => stage.updates.length === 1, 'the first');
  const more = Array.from({ length: 10 }, () => stage.certificates.reload());
  t.is(new Set(more).size, 1);
  await nextTurn();
  t.is(stage.updates.length, 1);
  finish();
  await first;
  await until(() => stage.updates.length === 2, 'the next');
  finish();
  await Promise.all(more);
  t.is(stage.updates.length, 2);
});

test('a shard that does not take them makes the reload fail', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  stage.onUpdate = () => Promise.reject(new BrokerError('SHARD_UNAVAILABLE', 'shard 1 did not answer'));
  await t.throwsAsync(stage.certificates.reload(), { message: 'shard 1 did not answer' });
  t.is(stage.alarms.length, 1);
  stage.onUpdate = () => Promise.resolve();
  await stage.certificates.reload();
  t.deepEqual(stage.cleared, ['tls_reload_failed']);
});

test('keys for tickets are new every day', async (t) => {
  const stage = new Stage();
  await stage.certificates.load();
  const keys = (): Uint8Array => stage.certificates.material[0]!.options.ticketKeys!;
  const first = keys();
  stage.clock.advance(TICKET_KEYS_ROTATION_MS - 60_000);
  stage.certificates.sweep(stage.clock.monotonicMs());
  t.is(keys(), first);
  stage.clock.advance(60_000);
  stage.certificates.sweep(stage.clock.monotonicMs());
  t.notDeepEqual(keys(), first);
  t.is(stage.updates.length, 1);
  t.is(stage.updates[0]![0]!.options.ticketKeys, keys());
});

test('without a TLS listener there is nothing to do', async (t) => {
  const certificates = new Certificates(
    [{ ...tlsListener(), tls: null }],
    new SystemClock(),
    new RecordingLogger(),
    {
      update: () => Promise.reject(new Error('nothing to update')),
      alarmRaised: () => t.fail(),
      alarmCleared: () => t.fail(),
    },
  );
  await certificates.load();
  await certificates.reload();
  certificates.sweep(Number.MAX_SAFE_INTEGER);
  t.deepEqual(certificates.material, []);
});
