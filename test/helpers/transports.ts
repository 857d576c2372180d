/** The transports of the broker: a listener for each, and how a client of a test comes in through it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningBroker } from '../../src/broker.js';
import { type Address, type Carrier, type Cut, overSocket, overTls, overWebSocket } from './carrier.js';
import { CERTS } from './certs.js';

export const TRANSPORTS = ['tcp', 'unix', 'ssl', 'ws', 'wss'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Those whose ClientId is not known before a shard, the edge, has opened their layers. */
export const EDGE_TRANSPORTS = ['ssl', 'ws', 'wss'] as const satisfies readonly Transport[];

export const isEdgeTransport = (transport: Transport): boolean =>
  EDGE_TRANSPORTS.some((each) => each === transport);

/** The certificate authority of the listeners below. */
export const trust = (): { ca: Buffer } => ({ ca: readFileSync(CERTS.ca) });

/** Settings of a broker that listens on every transport, each listener called `external`. */
export function everyListener(directory: string): Record<string, string> {
  const settings: Record<string, string> = { 'listener.unix.external': join(directory, 'mqtt.sock') };
  for (const type of ['tcp', 'ssl', 'ws', 'wss']) settings[`listener.${type}.external`] = '127.0.0.1:0';
  for (const type of ['ssl', 'wss']) {
    settings[`listener.${type}.external.certfile`] = CERTS.serverEcdsa.certfile;
    settings[`listener.${type}.external.keyfile`] = CERTS.serverEcdsa.keyfile;
  }
  return settings;
}

/** Where the listener of this transport takes connections. */
export function addressOn(broker: RunningBroker, transport: Transport): Address {
  const listener = broker.listeners.find(({ protocol }) => protocol === transport);
  if (listener === undefined) throw new Error(`no ${transport} listener`);
  const { host, port, path } = listener;
  return path === null ? { host, port } : { path };
}

/** A connection without CONNECT: TLS and WebSocket are open. */
export function openCarrier(
  broker: RunningBroker,
  transport: Transport,
  cut: Cut = 'whole',
): Promise<Carrier> {
  const address = addressOn(broker, transport);
  switch (transport) {
    case 'tcp':
    case 'unix':
      return overSocket(address, cut);
    case 'ssl':
      return overTls(address, trust(), cut);
    case 'ws':
      return overWebSocket(address, { cut });
    case 'wss':
      return overWebSocket(address, { cut, tls: trust() });
  }
}
