/** What plugins want published, checked: types bind only those that a compiler has seen. Pure; any thread. */
import { PUBLISH_HEADER_BYTES_MAX } from '../limits.js';
import { checkTopicName, type TopicLimits, type TopicSettings, topicLimits } from './topic.js';

export interface PublishLimits extends TopicLimits {
  readonly packetBytesMax: number;
}

export interface PublishSettings extends TopicSettings {
  readonly 'mqtt.max_packet_size': number;
}

/** What messages are held to that no client has sent. */
export function publishLimits(settings: PublishSettings): PublishLimits {
  return { ...topicLimits(settings), packetBytesMax: settings['mqtt.max_packet_size'] };
}

export interface CheckedPublish {
  readonly topic: string;
  /** What was given, where that was bytes. */
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

const text = new TextEncoder();

/** @throws Error that says what is wrong */
export function checkPublish(
  topic: unknown,
  payload: unknown,
  { qos = 0, retain = false }: { readonly qos?: unknown; readonly retain?: unknown },
  limits: PublishLimits,
): CheckedPublish {
  if (typeof topic !== 'string' || !isTopicName(topic, limits)) throw new Error('not a topic name');
  const bytes = typeof payload === 'string' ? text.encode(payload) : payload;
  if (!(bytes instanceof Uint8Array)) throw new Error('the payload is neither a string nor a Uint8Array');
  if (!isQos(qos)) throw new Error('qos is not 0, 1 or 2');
  if (typeof retain !== 'boolean') throw new Error('retain is not a boolean');
  if (!fitsPacket(topic, bytes, limits)) throw new Error('longer than mqtt.max_packet_size');
  return { topic, payload: bytes, qos, retain };
}

/** Whether a message may be routed that is not as a client has sent it. */
export function isPublishable(topic: string, payload: Uint8Array, limits: PublishLimits): boolean {
  return isTopicName(topic, limits) && fitsPacket(topic, payload, limits);
}

export function isQos(qos: unknown): qos is 0 | 1 | 2 {
  return qos === 0 || qos === 1 || qos === 2;
}

function isTopicName(topic: string, limits: TopicLimits): boolean {
  const bytes = Buffer.from(topic, 'utf8');
  return checkTopicName(bytes, 0, bytes.length, limits);
}

function fitsPacket(topic: string, payload: Uint8Array, { packetBytesMax }: PublishLimits): boolean {
  return Buffer.byteLength(topic) + payload.length + PUBLISH_HEADER_BYTES_MAX <= packetBytesMax;
}
