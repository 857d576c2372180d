/** Messages as plugins see them: copies, which they may keep. Runs on the shard's thread. */
import type { ClientInfo, HookMessage } from '../../src/plugins/api.js';
import { namesOf } from '../../src/protocol/author.js';
import type { Message } from '../../src/protocol/message.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';

type Qos = 0 | 1 | 2;

/** @returns the message in `view`; `from` is null for the broker's own, which may say itself whose it is. */
export function messageOfView(view: PublishView, from: ClientInfo | null): HookMessage {
  const { clientId, username } = from ?? namesOf(view.author);
  return {
    topic: topicOfView(view),
    payload: payloadOfView(view),
    qos: view.qos as Qos,
    retain: view.retain,
    clientId,
    username,
  };
}

/** @returns a message that was in flight to a client. */
export function messageInFlight(message: Message, qos: number, retain: boolean): HookMessage {
  const { clientId, username } = namesOf(message.author);
  return {
    topic: message.topicText(),
    payload: message.payload(),
    qos: qos as Qos,
    retain,
    clientId,
    username,
  };
}

export function topicOfView(view: PublishView): string {
  return view.topicBytes.toString('utf8', view.topicStart, view.topicEnd);
}

export function payloadOfView(view: PublishView): Uint8Array {
  return Buffer.from(view.bytes.subarray(view.payloadStart, view.payloadEnd));
}

/** Puts what a plugin has made of a message in the place of what `view` holds; its MQTT 5 properties stay. */
export function rewriteView(view: PublishView, message: HookMessage): void {
  const { payload } = message;
  const topic = Buffer.from(message.topic, 'utf8');
  view.bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  view.payloadStart = 0;
  view.payloadEnd = payload.byteLength;
  view.useTopic(topic, 0, topic.length);
  view.qos = message.qos;
  view.retain = message.retain;
}
