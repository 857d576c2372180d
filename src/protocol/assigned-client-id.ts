/** ClientIds for clients that bring none. Any thread. */
import { randomBytes } from 'node:crypto';
import { asClientId, type ClientId } from './ids.js';

/** 132 bits in 22 characters, all of them allowed in every server's ClientIds ([MQTT-3.1.3-5] but for - and _). */
const PREFIX = 'shardmq_';
const RANDOM_CHARS = 22;

/** @returns one that nobody has had. */
export function newClientId(): ClientId {
  return asClientId(PREFIX + randomBytes(17).toString('base64url').slice(0, RANDOM_CHARS));
}
