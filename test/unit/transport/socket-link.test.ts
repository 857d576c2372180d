/** The link over real sockets, whose descriptors are duplicated as main does it. */
import { once } from 'node:events';
import { fstatSync, openSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { descriptorOf, duplicateDescriptor } from '../../../src/supervisor/descriptor.js';
import { SocketLink } from '../../../workers/transport/socket-link.js';
import { tempDirectory } from '../../helpers/with-broker.js';

/** @returns a client, and the descriptor of its server's end */
async function pair(t: ExecutionContext, path: string | null): Promise<{ client: Socket; fd: number }> {
  const server = createServer({ pauseOnConnect: true }).listen(path === null ? { port: 0 } : { path });
  await once(server, 'listening');
  const client = connect(path === null ? { port: (server.address() as AddressInfo).port } : { path });
  t.teardown(() => client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  const fd = duplicateDescriptor(descriptorOf(socket));
  socket.destroy();
  server.close();
  return { client, fd };
}

for (const path of [null, join(tempDirectory(), 'socket')]) {
  test(`${path === null ? 'tcp' : 'unix'}: bytes come and go, and who has left still gets all that was written`, async (t) => {
    const { client, fd } = await pair(t, path);
    const link = new SocketLink(fd);
    const closed = new Promise((resolve) => {
      link.handler = {
        onBytes: (bytes, start, end) => {
          t.is(Buffer.from(bytes.subarray(start, end)).toString(), 'ping');
          t.true(link.write(Buffer.from('-pong'), 1, 5));
          link.leave();
        },
        onDrain() {},
        onLinkClosed: resolve,
      };
    });
    client.write('ping');
    const [answer] = (await once(client, 'data')) as [Buffer];
    t.is(answer.toString(), 'pong');
    await once(client, 'close');
    t.is(await closed, 'closed');
  });
}

test('a descriptor of a file, or of nothing, is an error at once, and left open by nobody', (t) => {
  const file = openSync(process.execPath, 'r');
  t.throws(() => new SocketLink(file));
  t.throws(() => new SocketLink(1_000_000));
  // What it has begun to adopt it closes.
  t.throws(() => fstatSync(file), { code: 'EBADF' });
});
