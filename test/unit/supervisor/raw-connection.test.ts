/** Connections without a socket, on real ones of this machine. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { AccessRules } from '../../../src/base/access.js';
import { defaultConfig } from '../../../src/config/load.js';
import { ListenerFigures } from '../../../src/supervisor/listener-figures.js';
import { type Arrived, OpeningReader } from '../../../src/supervisor/opening-reader.js';
import { offerRaw, type RawConnection } from '../../../src/supervisor/raw-connection.js';

const CONNECT = Buffer.from([0x10, 2, 0, 0]);

async function listen(t: ExecutionContext): Promise<Server> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return server;
}

function come(t: ExecutionContext, server: Server): Socket {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.teardown(() => client.destroy());
  return client;
}

test('what is taken never becomes a socket; what is not becomes one', async (t) => {
  const server = await listen(t);
  const names: unknown[] = [];
  let takes = true;
  offerRaw(server, (connection) => {
    const name = {};
    connection.getpeername?.(name);
    names.push(name);
    if (takes) connection.close();
    return takes;
  });
  server.once('connection', () => t.fail('a socket was made'));
  await once(come(t, server).resume(), 'close');
  server.removeAllListeners('connection');
  takes = false;
  const client = come(t, server);
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.is(socket.remotePort, client.localPort);
  t.like(names[1], { address: '127.0.0.1', port: client.localPort });
  socket.destroy();
});

test('a server that is not made as expected is left as it is', async (t) => {
  const server = await listen(t);
  const { _handle: handle } = server as unknown as { _handle: object };
  const hidden = new Proxy(server, {
    get: (target, key) => (key === '_handle' ? {} : Reflect.get(target, key)),
  });
  offerRaw(hidden, () => t.fail('was asked') as never);
  offerRaw({ _handle: null } as unknown as Server, () => true);
  t.true('onconnection' in handle);
  come(t, server);
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.destroy();
});

test('an opening that came with its connection is passed on without a socket; of a part of one nothing is lost', async (t) => {
  const server = await listen(t);
  const listener = new ListenerFigures(0, defaultConfig().listeners[0]!);
  const access = new AccessRules(listener.config.access);
  const passed: string[] = [];
  const reader = new OpeningReader(
    { connectBytesMax: 100, idleTimeoutMs: 1_000 },
    0,
    () => false,
    (_arrived, held, head, openingBytes) => {
      held.close();
      passed.push(`${head.toString('hex')} ${openingBytes}`);
    },
  );
  const arrived = (): Arrived => {
    listener.current++;
    const peer = { peerAddress: '127.0.0.1', peerPort: 1, certificateName: null };
    return { listener, access, acceptedAtMs: 0, ...peer, early: null };
  };
  const arrive = async (client: Socket): Promise<RawConnection> => {
    const taken = new Promise<RawConnection>((resolve) => {
      offerRaw(server, (connection) => {
        resolve(connection);
        return true;
      });
    });
    await once(client, 'connect');
    return taken;
  };
  const whole = come(t, server);
  const first = await arrive(whole);
  t.false(reader.beginRaw(arrived(), first), 'nothing is there yet');
  whole.write(Buffer.concat([CONNECT, Buffer.from([0xc0])]));
  while (!reader.beginRaw(arrived(), first)) await nextTurn();
  t.deepEqual(passed, ['10020000c0 4']);
  t.is(reader.count, 0);

  const part = come(t, server);
  const second = await arrive(part);
  part.write(CONNECT.subarray(0, 3));
  const half = arrived();
  while (half.early === null) {
    t.false(reader.beginRaw(half, second));
    await nextTurn();
  }
  second.close();
  const socket = new Socket();
  reader.begin({ ...half, socket });
  t.is(reader.count, 1);
  socket.emit('data', CONNECT.subarray(3));
  t.deepEqual(passed.slice(1), ['10020000 4']);
});
