/**
 * The least that handing connections over can cost in Node.js: accepts, reads until the CONNECT packet is whole,
 * duplicates the descriptor and posts it to a thread that opens it, answers CONNACK and closes when the client goes.
 * No ClientId, session or count of anything. A process of its own: `node bare-loop-process.js THREADS` prints its port.
 */
import { type AddressInfo, createServer, Socket } from 'node:net';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { connectPacketBytes, LENGTH_UNKNOWN } from '../../src/protocol/mqtt/connect-frame.js';
import { closeDescriptor, descriptorOf, duplicateDescriptor } from '../../src/supervisor/descriptor.js';

interface Handed {
  readonly fd: number;
  readonly head: Uint8Array;
}

const CONNACK = Buffer.from([0x20, 2, 0, 0]);

function acceptAll(threads: number): void {
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)));
  let next = 0;
  const handOver = (socket: Socket, head: Buffer): void => {
    const fd = duplicateDescriptor(descriptorOf(socket));
    socket.destroy();
    if (fd < 0) return;
    workers[next++ % workers.length]!.postMessage({ fd, head: Uint8Array.prototype.slice.call(head) });
  };
  const server = createServer((socket) => {
    let read: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      read = read.length === 0 ? chunk : Buffer.concat([read, chunk]);
      const bytes = connectPacketBytes(read, read.length);
      if (bytes !== LENGTH_UNKNOWN && bytes <= read.length) handOver(socket, read);
    });
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
    process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
  });
}

function adoptAll(): void {
  parentPort!.on('message', ({ fd }: Handed) => {
    let socket: Socket;
    try {
      socket = new Socket({ fd, readable: true, writable: true });
    } catch {
      closeDescriptor(fd);
      return;
    }
    socket.on('error', () => socket.destroy());
    socket.on('data', () => {});
    socket.write(CONNACK);
  });
}

if (isMainThread) acceptAll(Number(process.argv[2]));
else adoptAll();
