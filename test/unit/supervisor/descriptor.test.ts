/** Options of sockets, asked of the kernel. */
import { once } from 'node:events';
import { connect, createServer, type ListenOptions, type Socket } from 'node:net';
import { join } from 'node:path';
import koffi from 'koffi';
import {
  closeDescriptor,
  descriptorOf,
  duplicateDescriptor,
  setBufferSizes,
  setNoDelay,
} from '../../../src/supervisor/descriptor.js';
import { LINUX, needs } from '../../helpers/needs.js';
import { tempDirectory } from '../../helpers/with-broker.js';

const onLinux = needs(LINUX);
const SOCKET_LEVEL = 1;
const SEND_BUFFER = 7;
const RECEIVE_BUFFER = 8;
const TCP_LEVEL = 6;
const TCP_NODELAY = 1;

/** @returns what the kernel says, which on Linux is twice what was asked for */
function sizesOf(fd: number): number[] {
  return [SEND_BUFFER, RECEIVE_BUFFER].map((name) => optionOf(fd, SOCKET_LEVEL, name));
}

function optionOf(fd: number, level: number, name: number): number {
  const getsockopt = koffi
    .load(null)
    .func('int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *bytes)');
  const value = [0];
  getsockopt(fd, level, name, value, [4]);
  return value[0]!;
}

/** @returns the server's end of a connection that came in after `prepare` */
async function accepted(options: ListenOptions, prepare: (listenerFd: number) => void): Promise<Socket> {
  const server = createServer().listen(options);
  await once(server, 'listening');
  prepare(descriptorOf(server));
  const client = connect(
    options.path === undefined ? (server.address() as { port: number }) : { path: options.path },
  );
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('close', () => client.destroy());
  server.close();
  return socket;
}

onLinux(
  'connections of a TCP listener inherit the sizes of its buffers, and 0 leaves those of the system',
  async (t) => {
    const local = { host: '127.0.0.1', port: 0 };
    const usual = await accepted(local, (fd) => setBufferSizes(fd, { sndbufBytes: 0, recbufBytes: 0 }));
    const small = await accepted(local, (fd) =>
      setBufferSizes(fd, { sndbufBytes: 20_000, recbufBytes: 30_000 }),
    );
    t.deepEqual(sizesOf(descriptorOf(small)), [40_000, 60_000]);
    t.true(sizesOf(descriptorOf(usual)).every((bytes) => bytes > 60_000));
    usual.destroy();
    small.destroy();
  },
);

onLinux('connections of a listener inherit that what is written leaves at once', async (t) => {
  const local = { host: '127.0.0.1', port: 0 };
  const usual = await accepted(local, () => undefined);
  const prompt = await accepted(local, setNoDelay);
  t.is(optionOf(descriptorOf(usual), TCP_LEVEL, TCP_NODELAY), 0);
  t.is(optionOf(descriptorOf(prompt), TCP_LEVEL, TCP_NODELAY), 1);
  usual.destroy();
  prompt.destroy();
});

onLinux('a duplicate of a Unix socket is given its own', async (t) => {
  const socket = await accepted({ path: join(tempDirectory(), 'socket') }, () => undefined);
  const fd = duplicateDescriptor(descriptorOf(socket));
  setBufferSizes(fd, { sndbufBytes: 20_000, recbufBytes: 30_000 });
  t.deepEqual(sizesOf(fd), [40_000, 60_000]);
  closeDescriptor(fd);
  socket.destroy();
});
