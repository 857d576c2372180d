/**
 * A SUBSCRIBE on its way: each filter is decided about and subscribed to; then SUBACK once every shard that could take
 * a matching message knows of the subscription, and after it the retained messages. Runs on the shard's thread.
 */
import { HOOK_FILTERS_MAX } from '../../src/limits.js';
import { encodeSuback } from '../../src/protocol/mqtt/encode-control.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { Pending } from '../hooks/pending.js';
import { OPTION_QOS_MASK } from '../routing/route.js';
import { clientOf } from './client.js';
import { FilterJob } from './filter-job.js';
import { ReviewedFilter } from './filter-review.js';
import { NewSubscriptions } from './new-subscriptions.js';

export class SubscribeJob extends FilterJob {
  private made: NewSubscriptions | null = null;
  private refused = 0;
  private firstRefused = '';
  /** What is to be decided about. */
  private aside: ReviewedFilter[] = [];
  private isRefused = false;

  /** Nothing more can be kept: none of its filters is subscribed to. */
  refuse(): this {
    this.isRefused = true;
    return this;
  }

  protected take(): boolean {
    const { filter, options } = this.reader;
    if (this.isRefused) {
      this.add(filter, options, ReasonCode.QuotaExceeded);
      return true;
    }
    if (this.aside.length === 0 && !this.flow.review.isOn) {
      this.add(filter, options, ReasonCode.Success);
      return true;
    }
    const qos = (options & OPTION_QOS_MASK) as 0 | 1 | 2;
    this.aside.push(new ReviewedFilter(filter, options & ~OPTION_QOS_MASK, qos));
    return this.aside.length < HOOK_FILTERS_MAX || this.flush();
  }

  protected flush(): boolean {
    if (this.aside.length === 0) return true;
    const filters = this.aside;
    this.aside = [];
    const { access, rechecks } = this.flow.core;
    const { generation } = access;
    const judged = this.flow.review.judge(filters, clientOf(this.connection));
    if (judged instanceof Pending) {
      const use = (): void => {
        this.addAll(filters);
        // The rules have changed since some of them were allowed, and this session may have been checked before.
        if (access.generation !== generation) rechecks.one(this.session);
      };
      judged.whenAnswered(() => this.resume(use));
      return false;
    }
    this.addAll(filters);
    return true;
  }

  private addAll(filters: readonly ReviewedFilter[]): void {
    for (const { filter, options, qos, reason } of filters) this.add(filter, options | qos, reason);
  }

  private add(filter: string, options: number, reason: ReasonCode): void {
    const at = this.codes.length;
    const code = reason === ReasonCode.Success ? this.subscribe(at, filter, options) : reason;
    this.codes.push(this.connection.version === 5 || code < 0x80 ? code : 0x80);
    if (code >= 0x80 && this.refused++ === 0) this.firstRefused = filter;
  }

  // Not before the packet has been validated: until then its identifier is not known.
  private get wanted(): NewSubscriptions {
    this.made ??= new NewSubscriptions(this.flow, this.session, this.reader.identifier);
    return this.made;
  }

  private subscribe(at: number, text: string, options: number): number {
    const parsed = this.flow.parse(text, this.connection);
    return parsed === null ? ReasonCode.TopicFilterInvalid : this.wanted.add(at, text, parsed, options);
  }

  protected finish(): void {
    const { flow, connection, session } = this;
    if (this.refused > 0) {
      const fields = { clientId: session.clientId, refused: this.refused, first: this.firstRefused };
      flow.core.main.log('debug', 'subscriptions refused', fields);
    }
    if (this.isPacket) connection.subackPending();
    this.wanted.settle((failed) => this.acknowledge(failed), flow.timeoutMs);
  }

  private acknowledge(failed: ReasonCode): void {
    const { connection, session, wanted, codes } = this;
    if (this.isPacket) connection.subackDone();
    const isPromised = failed === ReasonCode.Success;
    if (!isPromised) {
      for (const { at } of wanted.made) codes[at] = connection.version === 5 ? failed : 0x80;
    } else if (!session.ended) wanted.tell(clientOf(connection));
    if (!this.isAlive()) return;
    if (this.isPacket) this.sendSuback();
    if (isPromised) wanted.replay();
  }

  private sendSuback(): void {
    const { connection, codes } = this;
    const { packetId } = this.reader;
    const packet = encodeSuback({ packetId, codes }, connection.version, connection.maximumPacketBytes);
    connection.sendControl(PacketType.Suback, packet);
  }
}
