/** Certificates and tickets of a whole broker, with real shards and clients. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import type { RunningBroker } from '../../src/broker.js';
import { overTls } from '../helpers/carrier.js';
import { CERTS, type CertPair } from '../helpers/certs.js';
import { RawClient } from '../helpers/raw-client.js';
import {
  addressOf,
  breakShard,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
} from '../helpers/with-broker.js';

/** Where the broker finds its certificate, which a test may replace. */
class OwnFiles implements CertPair {
  readonly #directory = tempDirectory();
  readonly certfile = join(this.#directory, 'cert.pem');
  readonly keyfile = join(this.#directory, 'key.pem');

  constructor(files: CertPair) {
    this.use(files);
  }

  use({ certfile, keyfile }: CertPair): void {
    copyFileSync(certfile, this.certfile);
    copyFileSync(keyfile, this.keyfile);
  }
}

interface Stage {
  readonly broker: RunningBroker;
  readonly logger: RecordingLogger;
  readonly files: OwnFiles;
  connect(clientId: string, options?: ConnectionOptions): Promise<TlsClient>;
}

interface TlsClient {
  readonly mqtt: RawClient;
  readonly socket: TLSSocket;
  /** Of the broker's certificate; empty when a session was resumed, which shows none. */
  readonly fingerprint: string;
}

async function stageOf(t: ExecutionContext): Promise<Stage> {
  const files = new OwnFiles(CERTS.serverRsa);
  const logger = new RecordingLogger();
  const config = {
    'listener.tcp.external': 'off',
    'listener.ssl.external': '127.0.0.1:0',
    'listener.ssl.external.certfile': files.certfile,
    'listener.ssl.external.keyfile': files.keyfile,
  };
  const broker = await startTestBroker({ config, logger }, tempDirectory());
  const clients: RawClient[] = [];
  t.teardown(async () => {
    for (const client of clients) client.drop();
    await broker.stop();
  });
  const connect = async (clientId: string, options: ConnectionOptions = {}): Promise<TlsClient> => {
    const carrier = await overTls(addressOf(broker), { rejectUnauthorized: false, ...options });
    const mqtt = new RawClient(carrier, 5);
    clients.push(mqtt);
    await mqtt.connect({ clientId });
    const socket = carrier.beneath as TLSSocket;
    return { mqtt, socket, fingerprint: socket.getPeerX509Certificate()?.fingerprint256 ?? '' };
  };
  return { broker, logger, files, connect };
}

test('new certificates are for new connections on every shard, also on one that starts later; open ones go on', async (t) => {
  const { broker, files, connect, logger } = await stageOf(t);
  const before = [await connect('a1'), await connect('a2')];
  files.use(CERTS.serverEcdsa);
  await broker.reloadCertificates();
  t.true(logger.has('info', /certificates have been read again/));
  const after = [await connect('b1'), await connect('b2')];
  t.is(new Set(before.map(({ fingerprint }) => fingerprint)).size, 1);
  t.is(new Set(after.map(({ fingerprint }) => fingerprint)).size, 1);
  t.not(after[0]!.fingerprint, before[0]!.fingerprint);
  for (const { mqtt } of before) await mqtt.expectSilence();
  for (const shard of [0, 1]) {
    await breakShard(broker, shard, 'throw');
    await until(() => logger.has('info', new RegExp(`shard ${shard} is back`)), `shard ${shard}`);
    t.is((await connect(`c${shard}`)).fingerprint, after[0]!.fingerprint);
  }
});

test('new certificates that are wrong change nothing but raise an alarm', async (t) => {
  const { broker, files, connect } = await stageOf(t);
  const before = await connect('a');
  copyFileSync(CERTS.serverEcdsa.keyfile, files.keyfile);
  const error = await t.throwsAsync(broker.reloadCertificates(), { instanceOf: BrokerError });
  t.is(error.code, 'CERTIFICATE_FAILED');
  t.regex(error.message, /^listener\.ssl\.external\.keyfile: .* is not the key of the certificate/);
  t.is((await connect('b')).fingerprint, before.fingerprint);
  t.deepEqual(
    broker.alarms().map(({ id }) => id),
    ['tls_reload_failed'],
  );
  files.use(CERTS.serverEcdsa);
  await broker.reloadCertificates();
  t.deepEqual(broker.alarms(), []);
  t.not((await connect('c')).fingerprint, before.fingerprint);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session is resumed on whichever shard the client comes to: ${version}`, async (t) => {
    const { connect } = await stageOf(t);
    const only = { minVersion: version, maxVersion: version };
    const first = await connect('first', only);
    // Its ticket has come: in TLS 1.3 it is sent right behind the handshake, and CONNACK later.
    const session = first.socket.getSession()!;
    // The least loaded shard takes each connection, so of four that stay two are on either.
    const resumed: boolean[] = [];
    for (const clientId of ['second', 'third', 'fourth']) {
      resumed.push((await connect(clientId, { ...only, session })).socket.isSessionReused());
    }
    t.deepEqual(resumed, [true, true, true]);
  });
}

test('a broker whose certificates are of no use does not start, and says why', async (t) => {
  const files = new OwnFiles(CERTS.serverRsa);
  rmSync(files.certfile);
  const config = {
    'listener.ssl.external': '127.0.0.1:0',
    'listener.ssl.external.certfile': files.certfile,
    'listener.ssl.external.keyfile': files.keyfile,
  };
  const error = await t.throwsAsync(startTestBroker({ config }, tempDirectory()), {
    instanceOf: BrokerError,
  });
  t.is(error.code, 'CERTIFICATE_FAILED');
  t.is(error.message, `listener.ssl.external.certfile: ${files.certfile}: not found`);
});
