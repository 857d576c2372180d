/**
 * Opens connections that never send a whole CONNECT, in a process of its own: a test and its broker have not
 * descriptors enough for both ends. Arguments: port, count. Says `open` when all are, and closes them at its end.
 */
import net from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
/** Connections under way at a time: more than the listener's backlog would be refused. */
const BATCH = 200;
/** The beginning of a CONNECT. */
const BEGIN = Buffer.of(0x10, 0x20, 0x00, 0x04);

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port: port!, host: '127.0.0.1' }, () => {
      socket.write(BEGIN);
      resolve();
    });
    socket.on('error', reject);
  });
}

for (let opened = 0; opened < count!; opened += BATCH) {
  await Promise.all(Array.from({ length: Math.min(BATCH, count! - opened) }, open));
}
process.send!('open');
