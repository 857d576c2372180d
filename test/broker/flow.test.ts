/** Many publishers and subscribers at once over three shards: nothing lost, nothing twice, order kept. */
import type { ExecutionContext } from 'ava';
import { PERSISTENT, publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { Receiver } from './receiver.js';
import { type Stage, scenesWith } from './stage.js';

const CLIENTS = 20;
const TOPICS = 50;
const WINDOW = 50;

const scene = scenesWith({ 'mqtt.client.max_write_buffer': '64KB' });

/** Payloads say who published, on which topic, and the how many'th on it: `3 17 204`. */
interface Sent {
  readonly publisher: number;
  readonly counts: number[];
}

/** Publishes `count` messages on topics drawn at random, a window of them at a time. */
async function publishRandom(
  s: Stage,
  client: RawClient,
  publisher: number,
  qos: number,
  count: number,
): Promise<Sent> {
  const counts = new Array<number>(TOPICS).fill(0);
  for (let sent = 0; sent < count; sent += WINDOW) {
    const packets: Buffer[] = [];
    for (let n = 0; n < WINDOW; n += 1) {
      const topic = Math.floor(Math.random() * TOPICS);
      const payload = `${publisher} ${topic} ${counts[topic]!}`;
      counts[topic]! += 1;
      packets.push(publish(client.version, { topic: s.topic(`${topic}`), payload, qos, id: n + 1 }));
    }
    client.send(...packets);
    if (qos > 0) await client.finishPublishing(qos, WINDOW);
    else {
      // The answer to a PINGREQ: the broker has taken all of it.
      await client.expectSilence();
    }
  }
  return { publisher, counts };
}

/** Takes what comes and checks that each publisher's messages on a topic come in order, once, and none is missing. */
class Checker {
  private readonly next = new Map<string, number>();
  count = 0;

  constructor(private readonly t: ExecutionContext) {}

  take(payload: string): void {
    const [publisher, topic, number] = payload.split(' ');
    const key = `${publisher} ${topic}`;
    const expected = this.next.get(key) ?? 0;
    if (Number(number) !== expected) this.t.fail(`${payload} instead of number ${expected}`);
    this.next.set(key, expected + 1);
    this.count += 1;
  }
}

for (const qos of [0, 1, 2]) {
  for (const version of [4, 5] as const) {
    scene.once(
      `QoS ${qos}, MQTT level ${version}: 20 to 20 on random topics, every message once and in order`,
      async (t, s) => {
        const each = qos === 0 ? 1_000 : 500;
        const subscribers: RawClient[] = [];
        for (let n = 0; n < CLIENTS; n += 1) {
          const subscriber = await s.connect({ ...PERSISTENT, version, at: n % 3 });
          // Each takes a fifth of the topics, so each topic has four subscribers, on several shards.
          for (let topic = n % 5; topic < TOPICS; topic += 5)
            await subscriber.subscribe([[s.topic(`${topic}`), qos]]);
          subscribers.push(subscriber);
        }
        const publishers: RawClient[] = [];
        for (let n = 0; n < CLIENTS; n += 1) publishers.push(await s.connect({ version, at: n % 3 }));
        const checkers = subscribers.map(() => new Checker(t));
        let received = 0;
        let wanted = Number.POSITIVE_INFINITY;
        const collect = async (client: RawClient, checker: Checker): Promise<void> => {
          const receiver = new Receiver(client);
          for (;;) {
            const found = await receiver.nextUntilPing();
            if (found === null) return;
            checker.take(found.payload);
            received += 1;
            if (received === wanted) finish();
          }
        };
        const finish = (): void => {
          for (const each of subscribers) each.send([0xc0, 0]);
        };
        const collected = subscribers.map((client, n) => collect(client, checkers[n]!));
        const sent = await Promise.all(publishers.map((client, n) => publishRandom(s, client, n, qos, each)));
        wanted = CLIENTS * each * 4;
        if (received === wanted) finish();
        await Promise.all(collected);
        t.is(received, wanted);
        for (const [n, checker] of checkers.entries()) {
          let mine = 0;
          for (const { counts } of sent)
            for (let topic = n % 5; topic < TOPICS; topic += 5) mine += counts[topic]!;
          t.is(checker.count, mine);
        }
      },
    );
  }
}

scene('a slow reader beside a fast one costs nobody else anything, and loses no QoS 1', async (t, s) => {
  const topic = s.topic('a');
  const [slow, fast] = [await s.connect(PERSISTENT), await s.connect()];
  for (const client of [slow, fast]) await client.subscribe([[topic, 1]]);
  slow.pauseReading();
  const publisher = await s.connect({ at: 1 });
  const count = 2_000;
  const payload = (n: number): string => `${n}`.padEnd(2_000, '.');
  const flow = (async () => {
    for (let n = 0; n < count; n += WINDOW) {
      for (let k = 0; k < WINDOW; k += 1)
        publisher.sendPublish({ topic, payload: payload(n + k), qos: 1, id: k + 1 });
      await publisher.finishPublishing(1, WINDOW);
    }
  })();
  const quick = new Receiver(fast);
  for (let n = 0; n < count; n += 1) t.is((await quick.next()).payload, payload(n));
  await flow;
  slow.resumeReading();
  const late = new Receiver(slow);
  for (let n = 0; n < count; n += 1) t.is((await late.next()).payload, payload(n));
});

scene(
  'QoS 0 for a slow reader is dropped in the middle, in order, and not for the fast one',
  async (t, s) => {
    const topic = s.topic('a');
    const [slow, fast] = [await s.connect(), await s.connect()];
    for (const client of [slow, fast]) await client.subscribe(topic);
    slow.pauseReading();
    const publisher = await s.connect({ at: 1 });
    const count = 4_000;
    const quick = new Receiver(fast);
    for (let n = 0; n < count; n += 1) {
      publisher.sendPublish({ topic, payload: `${n}`.padEnd(4_000, '.') });
      if (n % 20 === 19) {
        for (let k = n - 19; k <= n; k += 1) t.is(Number.parseInt((await quick.next()).payload, 10), k);
      }
    }
    slow.resumeReading();
    const found = await slow.collectFrom(publisher);
    const numbers = found.map((one) => Number.parseInt(one.payload, 10));
    t.true(numbers.length < count, 'nothing was dropped');
    t.deepEqual(
      numbers,
      [...new Set(numbers)].sort((x, y) => x - y),
    );
  },
);
