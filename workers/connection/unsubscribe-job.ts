/** An UNSUBSCRIBE on its way. Runs on the shard's thread. */
import { HOOK_FILTERS_MAX } from '../../src/limits.js';
import { encodeUnsuback } from '../../src/protocol/mqtt/encode-control.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { Pending } from '../hooks/pending.js';
import { clientOf } from './client.js';
import { FilterJob } from './filter-job.js';

export class UnsubscribeJob extends FilterJob {
  /** What a plugin is to be asked about. */
  private aside: string[] = [];

  protected take(): boolean {
    const { filter } = this.reader;
    if (this.aside.length === 0 && this.flow.core.hooks.unsubscribe === null) {
      this.remove(filter);
      return true;
    }
    this.aside.push(filter);
    return this.aside.length < HOOK_FILTERS_MAX || this.flush();
  }

  protected flush(): boolean {
    if (this.aside.length === 0) return true;
    const filters = this.aside;
    this.aside = [];
    const { unsubscribe } = this.flow.core.hooks;
    const given = unsubscribe === null ? filters : unsubscribe(clientOf(this.connection).info, filters);
    if (given instanceof Pending) {
      given.whenAnswered((later) => this.resume(() => this.removeAll(later)));
      return false;
    }
    this.removeAll(given);
    return true;
  }

  private removeAll(filters: readonly string[]): void {
    for (const filter of filters) this.remove(filter);
  }

  private remove(text: string): void {
    const { flow, connection, session } = this;
    const { router } = flow.core;
    const parsed = flow.parse(text, connection);
    const existed = parsed !== null && router.unsubscribe(session, parsed.filter, parsed.group, parsed.local);
    const missing = parsed === null ? ReasonCode.TopicFilterInvalid : ReasonCode.NoSubscriptionExisted;
    this.codes.push(existed ? ReasonCode.Success : missing);
    if (!existed) return;
    flow.ended(session, parsed, clientOf(connection), text);
  }

  protected finish(): void {
    if (!this.isPacket) return;
    const { flow, connection, codes } = this;
    if (!this.session.isKept || !codes.includes(ReasonCode.Success)) {
      this.sendUnsuback();
      return;
    }
    connection.subackPending();
    flow.core.acks.whenSafe((isSafe) => {
      connection.subackDone();
      if (this.isAlive()) this.acknowledge(isSafe);
    });
  }

  private acknowledge(isSafe: boolean): void {
    const { connection } = this;
    if (!isSafe && connection.version !== 5) {
      connection.close('store_failed');
      return;
    }
    if (!isSafe) this.failed();
    this.sendUnsuback();
  }

  // They may be back after a crash.
  private failed(): void {
    const { codes } = this;
    for (const [at, code] of codes.entries()) {
      if (code === ReasonCode.Success) codes[at] = ReasonCode.ImplementationSpecificError;
    }
  }

  private sendUnsuback(): void {
    const { connection, codes } = this;
    const { packetId } = this.reader;
    const packet = encodeUnsuback({ packetId, codes }, connection.version, connection.maximumPacketBytes);
    connection.sendControl(PacketType.Unsuback, packet);
  }
}
