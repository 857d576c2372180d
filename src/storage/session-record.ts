/**
 * Rows of `sessions`: what is kept of a session besides its subscriptions and messages. Used on shards and on main.
 *
 * Content: its number, times, a byte of marks, then what the marks announce.
 */
import type { Will } from '../protocol/mqtt/connect.js';
import type { ProtocolVersion } from '../protocol/mqtt/packet-type.js';
import { FieldReader, FieldWriter } from './fields.js';
import { frameFault } from './framing.js';
import { isTextKey, SESSION_NUMBER_MAX, SLOT_HEAD_BYTES, sessionKey, textOfKey } from './keys.js';
import type { Row } from './tables.js';

export interface SessionRecord {
  readonly clientId: string;
  /** 0: only its will is kept. */
  readonly number: number;
  /** Milliseconds since 1970, as the next. */
  readonly createdAtMs: number;
  /** 0: it was connected. */
  readonly disconnectedAtMs: number;
  /** 0: it ends with its connection; Infinity: never. */
  readonly expirySeconds: number;
  /** Whose it is, or was last, and whose will; null: nobody has kept it. */
  readonly client: ClientRecord | null;
  readonly will: Will | null;
}

/** As plugins know it. */
export interface ClientNames {
  readonly clientId: string;
  readonly username: string | null;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly listener: string;
  readonly protocolVersion: ProtocolVersion;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  /** Milliseconds since 1970. */
  readonly connectedAtMs: number;
}

export interface ClientRecord {
  readonly info: ClientNames;
  readonly isSuperuser: boolean;
  readonly mountpoint: Buffer;
}

/** Why a row cannot be used. */
export type Unreadable = 'damaged' | 'newer';

export const SESSION_VERSION = 1;

const MARK_CLIENT = 1;
const MARK_WILL = 2;
const MARK_SUPERUSER = 4;
const MARK_CLEAN_START = 8;
const MARK_USERNAME = 16;

const WILL_QOS_MASK = 3;
const WILL_RETAIN = 4;

const writer = new FieldWriter();
const reader = new FieldReader();

export function encodeSession(slot: number, record: SessionRecord): Row {
  const key = sessionKey(slot, record.clientId);
  const { client, will } = record;
  writer
    .f64(record.number)
    .f64(record.createdAtMs)
    .f64(record.disconnectedAtMs)
    .f64(record.expirySeconds)
    .u8(marksOf(record));
  if (!isTextKey(key, SLOT_HEAD_BYTES)) writer.text(record.clientId);
  if (client !== null) writeClient(client);
  if (will !== null) writeWill(will);
  return { key, value: writer.take(key, SESSION_VERSION) };
}

/** Without `wantsClient` the client is left out where there is no will. */
export function decodeSession({ key, value }: Row, wantsClient = true): SessionRecord | Unreadable {
  const fault = frameFault(key, value, SESSION_VERSION);
  if (fault !== null) return fault;
  reader.open(value);
  const number = reader.f64();
  const createdAtMs = reader.f64();
  const disconnectedAtMs = reader.f64();
  const expirySeconds = reader.f64();
  const marks = reader.u8();
  const clientId = isTextKey(key, SLOT_HEAD_BYTES) ? textOfKey(key, SLOT_HEAD_BYTES) : reader.text();
  const hasWill = (marks & MARK_WILL) !== 0;
  let client: ClientRecord | null = null;
  if ((marks & MARK_CLIENT) !== 0) {
    if (wantsClient || hasWill) client = readClient(clientId, marks);
    else skipClient(marks);
  }
  const will = hasWill ? readWill() : null;
  const isSensible = createdAtMs >= 0 && disconnectedAtMs >= 0 && expirySeconds >= 0 && clientId !== '';
  if (!reader.isWhole || !isSensible || !isNumber(number)) return 'damaged';
  return { clientId, number, createdAtMs, disconnectedAtMs, expirySeconds, client, will };
}

function isNumber(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= SESSION_NUMBER_MAX;
}

function marksOf({ client, will }: SessionRecord): number {
  let marks = will === null ? 0 : MARK_WILL;
  if (client === null) return marks;
  marks |= MARK_CLIENT;
  if (client.isSuperuser) marks |= MARK_SUPERUSER;
  if (client.info.cleanStart) marks |= MARK_CLEAN_START;
  if (client.info.username !== null) marks |= MARK_USERNAME;
  return marks;
}

function writeClient({ info, mountpoint }: ClientRecord): void {
  if (info.username !== null) writer.text(info.username);
  writer
    .text(info.peerAddress)
    .u16(info.peerPort)
    .text(info.listener)
    .u8(info.protocolVersion)
    .u32(info.keepAliveSeconds)
    .f64(info.connectedAtMs)
    .bytes(mountpoint);
}

function readClient(clientId: string, marks: number): ClientRecord {
  const info: ClientNames = Object.freeze({
    clientId,
    username: (marks & MARK_USERNAME) === 0 ? null : reader.text(),
    peerAddress: reader.text(),
    peerPort: reader.u16(),
    listener: reader.text(),
    protocolVersion: reader.u8() as ProtocolVersion,
    cleanStart: (marks & MARK_CLEAN_START) !== 0,
    keepAliveSeconds: reader.u32(),
    connectedAtMs: reader.f64(),
  });
  return { info, isSuperuser: (marks & MARK_SUPERUSER) !== 0, mountpoint: reader.bytes() };
}

function skipClient(marks: number): void {
  if ((marks & MARK_USERNAME) !== 0) reader.skip();
  reader.skip();
  reader.u16();
  reader.skip();
  reader.u8();
  reader.u32();
  reader.f64();
  reader.skip();
}

function writeWill(will: Will): void {
  writer
    .u8(will.qos | (will.retain ? WILL_RETAIN : 0))
    .u32(will.delaySeconds)
    .f64(will.expirySeconds)
    .bytes(will.topic)
    .bytes(will.properties)
    .bytes(will.payload);
}

function readWill(): Will {
  const marks = reader.u8();
  return {
    qos: marks & WILL_QOS_MASK,
    retain: (marks & WILL_RETAIN) !== 0,
    delaySeconds: reader.u32(),
    expirySeconds: reader.f64(),
    topic: reader.bytes(),
    properties: reader.bytes(),
    payload: reader.bytes(),
  };
}
