/** What a poller of the API sees while a shard under load dies: no answer fails, and no counter goes back. */
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { Fault } from '../../workers/faults.js';
import { type AskApi, asking } from '../helpers/api.js';
import { parseExposition } from '../helpers/exposition.js';
import type { RawClient } from '../helpers/raw-client.js';
import { breakShard, until } from '../helpers/with-broker.js';
import { withBench } from '../seams/bench.js';

const VICTIM = 1;
const CONFIG = {
  config: {
    'listener.api.mgmt': '127.0.0.1:0',
    'module.presence': 'off',
    'mqtt.broker.sys_interval': '1h',
    'shard.silence_timeout': '2s',
  },
};
const POLL_MS = 10;

/** Asks for the metrics again and again, and keeps what is wrong with them. */
class Poller {
  readonly faults: string[] = [];
  polls = 0;
  last: Record<string, number> = {};
  #isStopping = false;
  readonly #done: Promise<void>;

  constructor(private readonly ask: AskApi) {
    this.#done = this.#poll();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  async #poll(): Promise<void> {
    while (!this.#isStopping) {
      const { json, text } = await this.ask('GET monitoring/metrics');
      const { code, result } = json as { code: number; result: Record<string, number> };
      if (code !== 0) this.faults.push(text);
      for (const [name, value] of Object.entries(result)) {
        const before = this.last[name] ?? 0;
        if (name !== 'messages/retained' && !(value >= before))
          this.faults.push(`${name}: ${before} ${value}`);
      }
      this.last = result;
      this.polls++;
      await pause(POLL_MS);
    }
  }
}

/** Publishes as fast as it is acknowledged, until its connection ends. @returns how many were */
async function publishOn(publisher: RawClient): Promise<number> {
  for (let count = 0; ; count++) {
    try {
      await publisher.publish({ topic: 'load', payload: 'm', qos: 1 });
    } catch {
      return count;
    }
  }
}

for (const fault of ['throw', 'hang'] satisfies Fault[]) {
  test.serial(
    `${fault} in a shard under load: every counter goes on from where it was`,
    withBench(CONFIG, async (bench, t) => {
      const { broker } = bench;
      const witness = await bench.connect(0, 4);
      await witness.subscribe('load');
      const victim = await bench.connect(VICTIM, 4);
      const poller = new Poller(asking(broker.apiPort));
      const publishing = publishOn(victim);
      await until(() => (poller.last['messages/qos1/received'] ?? 0) > 200, 'some load');
      await breakShard(broker, VICTIM, fault);
      const acknowledged = await publishing;
      const again = await bench.connect(VICTIM, 4);
      const counted = poller.last['messages/qos1/received'] ?? 0;
      // Each that was acknowledged was counted, whenever the last heartbeat was; one more may have been under way.
      t.true(counted === acknowledged || counted === acknowledged + 1, `${counted} of ${acknowledged}`);
      await again.publish({ topic: 'load', payload: 'm', qos: 1 });
      await until(() => poller.last['messages/qos1/received'] === counted + 1, 'the new shard’s count');
      const page = parseExposition((await asking(broker.apiPort)('GET /metrics')).text);
      const starts = page.get('shardmq_shard_starts_total')!.samples;
      t.is(starts.find(({ labels }) => labels['shard'] === String(VICTIM))!.value, 2);
      await poller.stop();
      t.deepEqual(poller.faults, []);
      t.true(poller.polls > 10, `${poller.polls}`);
    }),
  );
}
