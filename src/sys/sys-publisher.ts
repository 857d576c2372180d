/** Publishes what the broker says about itself under `$SYS/brokers`, in EMQ's words and rhythm. Main thread. */
import type { PublishRequest } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import type { Config } from '../config/schema.js';
import { METRICS, STATS } from '../metrics/names.js';
import type { MetricsRegistry } from '../metrics/registry.js';
import { dateTimeText, uptimeText } from './time-text.js';

/** Hands a message to some shard. Nobody waits for it. */
export type Publish = (message: PublishRequest) => void;

export interface SysOptions {
  /** `node.name`. */
  readonly node: string;
  readonly version: string;
  /** `mqtt.broker.sys_interval` at first; 0: only uptime and datetime are published. */
  readonly intervalMs: number;
}

/** `$SYS/brokers/NODE/sysdescr`. */
export const DESCRIPTION = 'shardmq MQTT Broker';

const TICK_MS = 1000;
const ROOT = '$SYS/brokers';
const text = new TextEncoder();

export class SysPublisher {
  readonly #options: SysOptions;
  readonly #prefix: string;
  readonly #registry: MetricsRegistry;
  readonly #clock: Clock;
  readonly #publish: Publish;
  readonly #startedMs: number;
  #intervalMs: number;
  #nextTickMs: number;
  #nextIntervalMs: number;

  constructor(options: SysOptions, registry: MetricsRegistry, clock: Clock, publish: Publish) {
    this.#options = options;
    this.#prefix = `${ROOT}/${options.node}/`;
    this.#registry = registry;
    this.#clock = clock;
    this.#publish = publish;
    this.#startedMs = clock.monotonicMs();
    this.#nextTickMs = this.#startedMs + TICK_MS;
    this.#intervalMs = options.intervalMs;
    this.#nextIntervalMs = this.#startedMs + options.intervalMs;
  }

  /** Another interval begins now. */
  onConfig(config: Config): void {
    const intervalMs = config['mqtt.broker.sys_interval'];
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    this.#nextIntervalMs = this.#clock.monotonicMs() + intervalMs;
  }

  /** To be called several times per second. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#nextTickMs) {
      this.#nextTickMs = nextAfter(this.#nextTickMs, TICK_MS, nowMs);
      this.say('uptime', uptimeText(nowMs - this.#startedMs));
      this.say('datetime', dateTimeText(this.#clock.wallMs()));
    }
    const intervalMs = this.#intervalMs;
    if (intervalMs > 0 && nowMs >= this.#nextIntervalMs) {
      this.#nextIntervalMs = nextAfter(this.#nextIntervalMs, intervalMs, nowMs);
      this.#publishAll();
    }
  }

  /** Publishes below `$SYS/brokers/NODE/`, QoS 0. */
  say(topic: string, payload: string, retain = false): void {
    this.#publish({ topic: this.#prefix + topic, payload: text.encode(payload), qos: 0, retain });
  }

  #publishAll(): void {
    const { node, version } = this.#options;
    this.#publish({ topic: ROOT, payload: text.encode(node), qos: 0, retain: true });
    this.say('version', version, true);
    this.say('sysdescr', DESCRIPTION, true);
    const stats = this.#registry.stats();
    for (const name of STATS) this.say(`stats/${name}`, String(stats[name]));
    const metrics = this.#registry.metrics();
    for (const name of METRICS) this.say(`metrics/${name}`, String(metrics[name]));
  }
}

/** @returns the next time in the same rhythm; times that have been missed are skipped. */
function nextAfter(dueMs: number, everyMs: number, nowMs: number): number {
  return dueMs + everyMs * (Math.floor((nowMs - dueMs) / everyMs) + 1);
}
