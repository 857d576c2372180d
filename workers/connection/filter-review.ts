/**
 * What has to be decided about the filters of a SUBSCRIBE: whether the client may have each, what plugins make of them,
 * and whether it may have those. Runs on the shard's thread.
 */
import type { SubscribeFilter } from '../../src/plugins/api.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { ParsedSubscription } from '../../src/protocol/topic.js';
import type { Core } from '../core.js';
import type { FiltersAnswer } from '../hooks/chains.js';
import { Pending } from '../hooks/pending.js';
import type { Client } from './client.js';

/** One filter; its place in the packet is its place in the list. */
export class ReviewedFilter {
  /** Success: it may be subscribed to. */
  reason: ReasonCode = ReasonCode.Success;
  /** Nobody has decided about it as it is now. */
  isNew = true;

  constructor(
    /** With its prefixes. */
    public filter: string,
    /** Of MQTT 5, without those of the QoS. */
    readonly options: number,
    public qos: 0 | 1 | 2,
  ) {}
}

/** @returns a filter without prefixes and mountpoint; null: it is not valid. */
export type ParseFilter = (text: string) => ParsedSubscription | null;

export class FilterReview {
  constructor(
    private readonly core: Core,
    private readonly parse: ParseFilter,
  ) {}

  /** Whether there is anything to decide. */
  get isOn(): boolean {
    return this.core.access.isOn || this.core.hooks.subscribe !== null;
  }

  /** Fills in what becomes of each. @returns true when it is done. */
  judge(filters: readonly ReviewedFilter[], client: Client): true | Pending<true> {
    const allowed = this.authorize(filters, client, 0);
    return allowed instanceof Pending
      ? allowed.map(() => this.ask(filters, client))
      : this.ask(filters, client);
  }

  // One after the other, so that the order of questions is that of the packet.
  private authorize(filters: readonly ReviewedFilter[], client: Client, first: number): true | Pending<true> {
    for (let at = first; at < filters.length; at++) {
      const each = filters[at]!;
      if (!each.isNew || each.reason !== ReasonCode.Success) continue;
      each.isNew = false;
      const parsed = this.parse(each.filter);
      if (parsed === null) {
        each.reason = ReasonCode.TopicFilterInvalid;
        continue;
      }
      if (!this.core.access.isOn) continue;
      const may = this.core.access.authorize(client, 'subscribe', parsed.filter);
      if (may instanceof Pending) {
        return may.map((later) => {
          if (!later) this.deny(each, client);
          return this.authorize(filters, client, at + 1);
        });
      }
      if (!may) this.deny(each, client);
    }
    return true;
  }

  private deny(each: ReviewedFilter, { info }: Client): void {
    each.reason = ReasonCode.NotAuthorized;
    this.core.hooks.denied?.(info.clientId, 'subscribe', each.filter);
  }

  private ask(filters: readonly ReviewedFilter[], client: Client): true | Pending<true> {
    const { subscribe } = this.core.hooks;
    if (subscribe === null) return true;
    const asked = filters.filter(({ reason }) => reason === ReasonCode.Success);
    if (asked.length === 0) return true;
    const given = subscribe(
      client.info,
      asked.map(({ filter, qos }): SubscribeFilter => ({ filter, qos })),
    );
    return given instanceof Pending
      ? given.map((later) => this.rewrite(filters, asked, later, client))
      : this.rewrite(filters, asked, given, client);
  }

  private rewrite(
    filters: readonly ReviewedFilter[],
    asked: readonly ReviewedFilter[],
    given: FiltersAnswer,
    client: Client,
  ): true | Pending<true> {
    for (const [at, each] of asked.entries()) {
      const made = given[at]!;
      if (made === null) {
        this.deny(each, client);
        continue;
      }
      each.qos = made.qos;
      each.isNew = made.filter !== each.filter;
      each.filter = made.filter;
    }
    return this.authorize(filters, client, 0);
  }
}
