/**
 * Tells plugins of each message that is handed to a client's connection. Topic and payload are made once per message,
 * however many get it. Runs on the shard's thread.
 */
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { payloadOfView, topicOfView } from './hook-message.js';
import type { HookFunction } from './hooks.js';

export class DeliveryNotice {
  private topic: string | null = null;
  private payload: Uint8Array | null = null;

  /** Another message is being delivered from now on. */
  begin(): void {
    this.topic = null;
    this.payload = null;
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
    const { topic, payload } = this;
    delivered(clientId, { topic, payload, qos: qos as 0 | 1 | 2, retain, clientId: null, username: null });
  }
}
