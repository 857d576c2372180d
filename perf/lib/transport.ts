/** What can carry a client's bytes, by the broker's names of listener types, and where clients go. */
import type { OwnerRule } from './owner.js';

export const TRANSPORTS = ['tcp', 'ssl', 'ws', 'wss'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export const isEncrypted = (transport: Transport): boolean => transport === 'ssl' || transport === 'wss';
export const isWebSocket = (transport: Transport): boolean => transport === 'ws' || transport === 'wss';

/** Where the clients connect, and which ClientIds they take. */
export interface Target {
  readonly port: number;
  readonly transport: Transport;
  readonly owner: OwnerRule | null;
  /** Sets ClientIds and topics of one run apart from those of any other. */
  readonly runId: string;
}
