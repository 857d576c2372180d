/** Listeners of the API: who may connect, how many, over TLS, and what happens when the broker stops. */
import { copyFileSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import test from 'ava';
import { endpoint } from '../../src/api/endpoint.js';
import { NOTHING } from '../../src/api/schema.js';
import { withApi } from '../helpers/api.js';
import { ADMIN, RawConnection, startApi } from '../helpers/api-server.js';
import { CERTS, type CertPair } from '../helpers/certs.js';
import { startTestBroker, tempDirectory, until, withBroker } from '../helpers/with-broker.js';

let release: () => void = () => undefined;
let started = 0;
const ENDPOINTS = [
  endpoint({ method: 'GET', path: 'things', about: 'for a test', answer: NOTHING, handle: () => [1] }),
  endpoint({
    method: 'GET',
    path: 'slow',
    about: 'for a test',
    answer: NOTHING,
    handle: () => {
      started++;
      return new Promise<string>((resolve) => {
        release = () => resolve('late');
      });
    },
  }),
];
const get = (path: string): string => `GET /api/v2/${path} HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`;

test('an address that the rules do not let in is closed at once', async (t) => {
  const { port, server, ask } = await startApi(t, ENDPOINTS, ['access.1=deny 127.0.0.1']);
  const connection = new RawConnection(port).send(get('things'));
  await until(() => connection.isClosed);
  t.is(connection.text, '');
  await t.throwsAsync(ask('GET things'));
  t.deepEqual(server.listeners[0]!.figures.shutdownCount(), { access_denied: 2 });
});

test.serial(
  'above max_clients connections are closed; those without a request under way make room first',
  async (t) => {
    const { port, server } = await startApi(t, ENDPOINTS, ['max_clients=2']);
    const { figures } = server.listeners[0]!;
    const idle = new RawConnection(port).send(get('things'));
    await until(() => idle.statuses.length === 1);
    const before = started;
    const busy = new RawConnection(port).send(get('slow'));
    await until(() => started > before);
    const third = new RawConnection(port).send(get('slow'));
    await until(() => started > before + 1);
    t.true(idle.isClosed);
    t.is(figures.current, 2);
    const fourth = new RawConnection(port);
    await until(() => fourth.isClosed);
    t.deepEqual(figures.shutdownCount(), { max_clients: 1 });
    t.false(busy.isClosed);
    for (const each of [busy, third]) each.destroy();
    await until(() => figures.current === 0);
    t.is(figures.accepted, 4);
  },
);

test('above max_conn_rate connections are closed', async (t) => {
  const { port, server } = await startApi(t, ENDPOINTS, ['max_conn_rate=2']);
  const all = Array.from({ length: 10 }, () => new RawConnection(port));
  await until(() => server.listeners[0]!.figures.accepted === 10);
  await until(() => all.filter(({ isClosed }) => isClosed).length >= 7);
  t.true((server.listeners[0]!.figures.shutdownCount()['max_conn_rate'] ?? 0) >= 7);
  for (const each of all) each.destroy();
});

test('a place that is taken is named, with the key to change it', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address!.port : 0;
  const config = { 'listener.api.mgmt': `127.0.0.1:${port}` };
  await t.throwsAsync(startTestBroker({ config }, tempDirectory()), {
    code: 'LISTENER_FAILED',
    message: `listener.api.mgmt 127.0.0.1:${port}: address already in use; change it with --set listener.api.mgmt=PORT`,
  });
});

test.serial('requests that are under way when it stops get their answer, idle connections end', async (t) => {
  const { port, server } = await startApi(t, ENDPOINTS);
  const before = started;
  const idle = new RawConnection(port).send(get('things'));
  const busy = new RawConnection(port).send(get('slow'));
  await until(() => started > before && idle.statuses.length === 1);
  const closed = server.close();
  await until(() => idle.isClosed);
  t.false(busy.isClosed);
  release();
  await closed;
  await until(() => busy.isClosed);
  t.regex(busy.text, /"late"/);
  t.regex(busy.text, /connection: close/i);
});

test.serial('what does not end in time is broken off', async (t) => {
  const { port, server } = await startApi(t, ENDPOINTS);
  const before = started;
  const busy = new RawConnection(port).send(get('slow'));
  await until(() => started > before);
  await server.close();
  await until(() => busy.isClosed);
  t.is(busy.text, '');
});

test(
  'the API is among the broker’s listeners, behind all others, with its figures',
  withApi({}, async (ask, broker, t) => {
    const listener = broker.listeners.at(-1)!;
    t.like(listener, { name: 'mgmt', protocol: 'api', host: '127.0.0.1', path: null, webSocketPath: null });
    t.is(listener.url, `http://127.0.0.1:${listener.port}/api/v2/`);
    t.is((await ask('GET /readyz', { user: null })).text, 'ready\n');
    t.true(broker.listenerFigures().at(-1)!.accepted > 0);
  }),
);

test(
  'several listeners of the API serve the same',
  withBroker(
    { config: { 'listener.api.one': '127.0.0.1:0', 'listener.api.two': '127.0.0.1:0' } },
    async (broker, t) => {
      const ports = broker.listeners.filter(({ protocol }) => protocol === 'api').map(({ port }) => port);
      t.is(new Set(ports).size, 2);
      for (const port of ports) {
        const connection = new RawConnection(port).send('GET /healthz HTTP/1.0\r\n\r\n');
        await until(() => connection.isClosed);
        t.regex(connection.text, /ok\n$/);
      }
    },
  ),
);

/** @returns status and common name of the certificate */
function askSecurely(port: number, more: object = {}): Promise<{ status: number; name: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path: '/healthz', rejectUnauthorized: false, agent: false, ...more },
      (response) => {
        const { socket } = response as unknown as { socket: import('node:tls').TLSSocket };
        const name = String(socket.getPeerCertificate().fingerprint256);
        response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, name }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

const read = ({ certfile, keyfile }: CertPair): { cert: Buffer; key: Buffer } => ({
  cert: readFileSync(certfile),
  key: readFileSync(keyfile),
});

test('with a certificate it is HTTPS; certificates are read again with all others', async (t) => {
  const directory = tempDirectory();
  const [certfile, keyfile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const use = (pair: CertPair): void => {
    copyFileSync(pair.certfile, certfile);
    copyFileSync(pair.keyfile, keyfile);
  };
  use(CERTS.serverEcdsa);
  const config = {
    'listener.api.mgmt': '127.0.0.1:0',
    'listener.api.mgmt.certfile': certfile,
    'listener.api.mgmt.keyfile': keyfile,
    'listener.api.mgmt.tls_versions': 'tlsv1.3',
  };
  const broker = await startTestBroker({ config }, tempDirectory());
  t.teardown(() => broker.stop());
  const { port, url } = broker.listeners.at(-1)!;
  t.is(url, `https://127.0.0.1:${port}/api/v2/`);
  const before = await askSecurely(port);
  t.is(before.status, 200);
  use(CERTS.serverRsa);
  await broker.reloadCertificates();
  const after = await askSecurely(port);
  t.is(after.status, 200);
  t.not(after.name, before.name);
  await t.throwsAsync(askSecurely(port, { maxVersion: 'TLSv1.2' }));
  const plain = new RawConnection(port).send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => plain.isClosed);
  await until(() => (broker.listenerFigures().at(-1)!.shutdownCount()['tls_error'] ?? 0) > 0);
  t.is((await askSecurely(port)).status, 200);
});

test('with verify_peer, only who has a good certificate comes in', async (t) => {
  const config = {
    'listener.api.mgmt': '127.0.0.1:0',
    'listener.api.mgmt.certfile': CERTS.serverEcdsa.certfile,
    'listener.api.mgmt.keyfile': CERTS.serverEcdsa.keyfile,
    'listener.api.mgmt.cacertfile': CERTS.ca,
    'listener.api.mgmt.verify': 'verify_peer',
  };
  const broker = await startTestBroker({ config }, tempDirectory());
  t.teardown(() => broker.stop());
  const { port } = broker.listeners.at(-1)!;
  t.is((await askSecurely(port)).status, 200, 'without one');
  t.is((await askSecurely(port, read(CERTS.client))).status, 200);
  await t.throwsAsync(askSecurely(port, read(CERTS.clientUnknown)));
});

test('a handshake that does not go on is ended', async (t) => {
  const config = {
    'listener.api.mgmt': '127.0.0.1:0',
    'listener.api.mgmt.certfile': CERTS.serverEcdsa.certfile,
    'listener.api.mgmt.keyfile': CERTS.serverEcdsa.keyfile,
    'listener.api.mgmt.handshake_timeout': '300ms',
  };
  const broker = await startTestBroker({ config }, tempDirectory());
  t.teardown(() => broker.stop());
  const { port } = broker.listeners.at(-1)!;
  const silent = new RawConnection(port);
  await until(() => silent.isClosed);
  const idle = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  idle.on('error', () => undefined);
  await until(() => idle.authorizationError !== undefined || idle.authorized);
  t.is((await askSecurely(port)).status, 200);
  idle.destroy();
});
