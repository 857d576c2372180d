/**
 * Tells plugins of each message that is handed to a client's connection. Topic, payload and names are made once per
 * message, however many get it. Runs on the shard's thread.
 */
import { type AuthorNames, namesOf } from '../../src/protocol/author.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { payloadOfView, topicOfView } from './hook-message.js';
import type { HookFunction } from './hooks.js';

export class DeliveryNotice {
  private topic: string | null = null;
  private payload: Uint8Array | null = null;
  private from: AuthorNames | null = null;

  /** Another message is being delivered from now on. */
  begin(): void {
    this.topic = null;
    this.payload = null;
    this.from = null;
  }

  tell(
    delivered: HookFunction<'message.delivered'>,
    clientId: string,
    view: PublishView,
    qos: number,
    retain: boolean,
  ): void {
    this.topic ??= topicOfView(view);
    this.payload ??= payloadOfView(view);
    this.from ??= namesOf(view.author);
    const { clientId: from, username } = this.from;
    const { topic, payload } = this;
    delivered(clientId, { topic, payload, qos: qos as 0 | 1 | 2, retain, clientId: from, username });
  }
}
