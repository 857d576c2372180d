/** Brokers of others, started where they are installed, to run the same scenarios. */
import type { Entrant } from '../lib/entrant.js';
import type { Transport } from '../lib/transport.js';
import { aedes } from './aedes.js';
import { mosquitto } from './mosquitto.js';

export const PEERS = ['mosquitto', 'aedes'] as const;
export type Peer = (typeof PEERS)[number];

/** @throws Error that says how to install it */
export function peerEntrant(peer: Peer, transport: Transport): Promise<Entrant> {
  return peer === 'mosquitto' ? mosquitto(transport) : aedes(transport);
}
