/** First bytes of clients of every type of listener, and listeners for them. */
import { CERTS } from '../helpers/certs.js';
import { connectBytes } from './stub-client.js';

/** Listeners named after their type, on random ports. */
export const LISTENERS = {
  'listener.tcp.external': 'off',
  'listener.tcp.tcp': '127.0.0.1:0',
  'listener.ws.ws': '127.0.0.1:0',
  'listener.ssl.ssl': '127.0.0.1:0',
  'listener.ssl.ssl.certfile': CERTS.serverEcdsa.certfile,
  'listener.ssl.ssl.keyfile': CERTS.serverEcdsa.keyfile,
} as const;

export type OpeningType = 'tcp' | 'ws' | 'ssl';
export const OPENING_TYPES: readonly OpeningType[] = ['tcp', 'ws', 'ssl'];

const REQUEST = 'GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n';

/** A TLS record with what main takes for a ClientHello: it looks at nothing but lengths. */
const clientHello = (bytes: number): Buffer =>
  Buffer.concat([Buffer.of(0x16, 3, 1, 0, bytes + 4, 1, 0, 0, bytes), Buffer.alloc(bytes, 1)]);

/** @returns what a client of a listener of this type sends first. */
export function openingOf(type: OpeningType, clientId = 'someone'): Buffer {
  if (type === 'tcp') return connectBytes(clientId);
  return type === 'ws' ? Buffer.from(REQUEST) : clientHello(120);
}
