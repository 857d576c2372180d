import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import test from 'ava';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Address, type Carrier, overSocket, overTls, overWebSocket } from '../../helpers/carrier.js';
import { CERTS } from '../../helpers/certs.js';

interface Peer {
  readonly address: Address;
  readonly accepted: Promise<WebSocket>;
  close(): void;
}

/** A WebSocket server of other hands, for one connection. */
async function webSocketPeer(): Promise<Peer> {
  const http = createServer().listen(0, '127.0.0.1');
  const server = new WebSocketServer({ server: http, handleProtocols: () => 'mqtt' });
  const accepted = once(server, 'connection').then(([webSocket]) => webSocket as WebSocket);
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return { address: { host: '127.0.0.1', port }, accepted, close: () => void http.close() };
}

const closed = (carrier: Carrier): Promise<void> =>
  new Promise((resolve) => {
    carrier.onClosed = resolve;
  });

for (const [cut, frames] of [
  ['whole', ['abc', 'd']],
  ['bytes', ['a', 'b', 'c', 'd']],
] as const) {
  test(`a write is a WebSocket frame, and ${cut === 'whole' ? 'one only' : 'one for each byte'}`, async (t) => {
    const peer = await webSocketPeer();
    const carrier = await overWebSocket(peer.address, { cut });
    const webSocket = await peer.accepted;
    const found: string[] = [];
    webSocket.on('message', (bytes: Buffer, isBinary) => found.push(isBinary ? bytes.toString() : 'text'));
    carrier.write(Buffer.from('abc'));
    carrier.write(Buffer.from('d'));
    carrier.end();
    await once(webSocket, 'close');
    t.deepEqual(found, frames);
    peer.close();
  });
}

test('a WebSocket that is closed says with which code', async (t) => {
  const peer = await webSocketPeer();
  const carrier = await overWebSocket(peer.address);
  const end = closed(carrier);
  const bytes = new Promise<Buffer>((resolve) => {
    carrier.onBytes = resolve;
  });
  (await peer.accepted).send(Buffer.from('x'));
  t.is((await bytes).toString(), 'x');
  (await peer.accepted).close(1001);
  await end;
  t.is(carrier.closeCode, 1001);
  peer.close();
});

for (const how of ['drop', 'reset'] as const) {
  test(`a WebSocket is broken off without a close frame: ${how}`, async (t) => {
    const peer = await webSocketPeer();
    const carrier = await overWebSocket(peer.address);
    const webSocket = await peer.accepted;
    webSocket.on('error', () => undefined);
    const end = closed(carrier);
    carrier[how]();
    const [code] = await once(webSocket, 'close');
    t.is(code, 1006);
    await end;
    peer.close();
  });

  for (const isSecure of [false, true]) {
    test(`${isSecure ? 'TLS' : 'a socket'} is broken off: ${how}`, async (t) => {
      const server = isSecure ? tls.createServer(serverCertificate()) : net.createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const connection = once(server, isSecure ? 'secureConnection' : 'connection');
      const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
      const ca = readFileSync(CERTS.ca);
      const carrier = isSecure ? await overTls(address, { ca }) : await overSocket(address);
      const [socket] = (await connection) as [net.Socket];
      let code = 'none';
      socket.on('error', (error: NodeJS.ErrnoException) => {
        code = error.code ?? '';
      });
      const end = new Promise((resolve) => socket.resume().once('close', resolve));
      carrier[how]();
      await end;
      // Right after its handshake Node's TLS takes a reset for an end.
      t.is(code, how === 'drop' || isSecure ? 'none' : 'ECONNRESET');
      server.close();
    });
  }
}

function serverCertificate(): tls.TlsOptions {
  const { certfile, keyfile } = CERTS.serverEcdsa;
  return { cert: readFileSync(certfile), key: readFileSync(keyfile) };
}
