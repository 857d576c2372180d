/** Retained messages as subscribers see them: complete, no faster than they can take them, the newest last. */
import { RETAIN_AS_PUBLISHED, subscribe } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { Receiver, receiveTogether } from './receiver.js';
import { numbered, publishAll, type Stage, scenesWith, sceneWith } from './stage.js';

const scene = scenesWith({ 'mqtt.client.max_write_buffer': '64KB' });

/** Retains `count` messages on topics `name/0` and so on, over all shards; payloads have `bytes` bytes or a number. */
async function retain(s: Stage, publisher: RawClient, count: number, qos: number, bytes = 0): Promise<void> {
  const batch = 500;
  for (let first = 0; first < count; first += batch) {
    const many = Math.min(batch, count - first);
    for (let n = 0; n < many; n += 1) {
      const payload = `${first + n}`.padEnd(bytes, ' ');
      publisher.sendPublish({ topic: s.topic(`kept/${first + n}`), payload, qos, id: n + 1, retain: true });
    }
    await publisher.finishPublishing(qos, many);
  }
  // QoS 0 has no answer: what follows on the same way has one.
  await publisher.publish({ topic: s.topic('done'), qos: 1 });
}

const numbersOf = (found: readonly { payload: string }[]): number[] =>
  found.map((one) => Number(one.payload)).sort((a, b) => a - b);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

scene('what was retained is replaced and removed from any shard', async (t, s) => {
  const topic = s.topic('a');
  for (const at of [0, 1, 2]) {
    const publisher = await s.connect({ at });
    await publisher.publish({ topic, payload: `by ${at}`, qos: 1, retain: true });
    for (const place of [0, 1, 2]) {
      const subscriber = await s.connect({ at: place });
      await subscriber.subscribe(topic);
      const found = await subscriber.receive(`by ${at}`);
      t.true(found.retain);
      await subscriber.expectNothingFrom(publisher);
    }
  }
  const remover = await s.connect({ at: 1 });
  await remover.publish({ topic, payload: '', qos: 1, retain: true });
  for (const place of [0, 1, 2]) {
    const subscriber = await s.connect({ at: place });
    await subscriber.subscribe(topic);
    await subscriber.expectNothingFrom(remover);
  }
});

scene.once(
  'what was acknowledged on one shard is seen by a SUBSCRIBE on another right after',
  async (t, s) => {
    const clients = [await s.connect({ at: 0 }), await s.connect({ at: 1 }), await s.connect({ at: 2 })];
    for (let n = 0; n < 200; n += 1) {
      const publisher = clients[Math.floor(Math.random() * 3)]!;
      const subscriber = clients[Math.floor(Math.random() * 3)]!;
      const topic = s.topic(`right-after/${n}`);
      await publisher.publish({ topic, payload: `${n}`, qos: 1, retain: true });
      await subscriber.subscribe(n % 2 === 0 ? topic : `${topic}/#`);
      await subscriber.receive(`${n}`);
    }
    t.pass();
  },
);

for (const qos of [1, 2]) {
  scene(`QoS ${qos}: a replay keeps to the Receive Maximum and is complete`, async (t, s) => {
    const publisher = await s.connect({ at: 1 });
    await retain(s, publisher, 150, qos);
    const subscriber = await s.connect({ properties: { receiveMaximum: 3 } });
    await subscriber.subscribe([[s.topic('kept/#'), 2]]);
    const found: { payload: string }[] = [];
    let open: number[] = [];
    while (found.length < 150) {
      while (open.length < 3 && found.length < 150) {
        const message = await subscriber.expectPublish();
        open.push(message.id);
        found.push(message);
      }
      await subscriber.expectSilence();
      for (const id of open) {
        subscriber.sendAck(qos === 1 ? 'puback' : 'pubrec', id);
        if (qos === 1) continue;
        // Nothing new before PUBCOMP.
        await subscriber.expect('pubrel');
      }
      if (qos === 2) for (const id of open) subscriber.sendAck('pubcomp', id);
      open = [];
    }
    t.deepEqual(numbersOf(found), upTo(150));
  });
}

scene('a replay waits for a slow reader and is complete', async (t, s) => {
  const publisher = await s.connect({ at: 1 });
  await retain(s, publisher, 3_000, 0, 4_000);
  const subscriber = await s.connect({ at: 2 });
  subscriber.pauseReading();
  const answer = subscriber.subscribe(s.topic('kept/#'));
  // Far more than all buffers on the way hold; others go on meanwhile.
  const other = await s.connect({ at: 2 });
  await other.subscribe(s.topic('kept/7'));
  await other.receive('7'.padEnd(4_000, ' '));
  subscriber.resumeReading();
  await answer;
  t.deepEqual(numbersOf(await subscriber.receiveAll(3_000)), upTo(3_000));
});

scene('a newer live message is not followed by the older retained one', async (t, s) => {
  const publisher = await s.connect({ at: 1 });
  await retain(s, publisher, 400, 1);
  const subscriber = await s.connect({ properties: { receiveMaximum: 1 } });
  await subscriber.subscribe([[s.topic('kept/+'), 1]]);
  const first = await subscriber.expectPublish();
  for (let n = 0; n < 400; n += 7) {
    await publisher.publish({ topic: s.topic(`kept/${n}`), payload: `new ${n}`, qos: 1, retain: true });
  }
  await s.settled(publisher);
  subscriber.sendAck('puback', first.id);
  const last = new Map([[first.topic, first.payload]]);
  const isFirstChanged = Number(first.payload) % 7 === 0;
  // Each topic comes once, the first also a second time where it was changed.
  for (const { topic, payload } of await new Receiver(subscriber).nextOf(isFirstChanged ? 400 : 399)) {
    t.false(
      last.get(topic)?.startsWith('new') === true && !payload.startsWith('new'),
      `${payload} came late`,
    );
    last.set(topic, payload);
  }
  for (let n = 0; n < 400; n += 1) {
    t.is(last.get(s.topic(`kept/${n}`)), n % 7 === 0 ? `new ${n}` : `${n}`);
  }
  await subscriber.expectNothingFrom(publisher);
});

scene('several replays of one client, and live messages between them, are all complete', async (t, s) => {
  const publisher = await s.connect({ at: 1 });
  await retain(s, publisher, 200, 1);
  const subscriber = await s.connect({ properties: { receiveMaximum: 5 } });
  const filters = [s.topic('kept/#'), s.topic('+/+'), s.topic('#')];
  t.deepEqual((await subscriber.subscribe(filters.map((filter) => [filter, 1] as const))).codes, [1, 1, 1]);
  const flow = publishAll(publisher, s.topic('live/a'), numbered(50), 1);
  const counts = new Map<string, number>();
  for (const { payload } of await new Receiver(subscriber).nextOf(650)) {
    counts.set(payload, (counts.get(payload) ?? 0) + 1);
  }
  await flow;
  for (let n = 0; n < 200; n += 1) t.is(counts.get(`${n}`), 3, `${n}`);
  for (const payload of numbered(50)) t.is(counts.get(payload), 1, payload);
});

scene.once(
  '100,000 retained messages come to a wildcard subscription, and the shards go on turning',
  async (t, s) => {
    const count = 100_000;
    const publisher = await s.connect({ at: 1, version: 4 });
    await retain(s, publisher, count, 0);
    const subscriber = await s.connect({ at: 0 });
    let longestMs = 0;
    let isDone = false;
    const watch = (async () => {
      while (!isDone) longestMs = Math.max(longestMs, await s.longestTurnMs());
    })();
    await subscriber.subscribe(s.topic('kept/#'));
    const [found] = await receiveTogether([subscriber], count);
    isDone = true;
    await watch;
    t.is(found!.length, count);
    t.is(new Set(found!.map((one) => one.topic)).size, count);
    t.log(`longest turn ${longestMs.toFixed(1)} ms`);
  },
);

sceneWith(
  'the retainer bounds number and size; what it does not keep is delivered all the same',
  { 'retainer.max_message_num': 5, 'retainer.max_payload_size': '1KB' },
  async (t, s) => {
    const publisher = await s.connect();
    const live = await s.connect();
    await live.subscribe(s.topic('#'));
    for (let n = 0; n < 8; n += 1)
      await publisher.publish({ topic: s.topic(`${n}`), payload: `${n}`, qos: 1, retain: true });
    // Replacing is always possible.
    await publisher.publish({ topic: s.topic('2'), payload: '22', qos: 1, retain: true });
    await publisher.publish({ topic: s.topic('3'), payload: 'x'.repeat(1_025), qos: 1, retain: true });
    t.is((await live.collectFrom(publisher)).length, 10);
    const late = await s.connect();
    await late.subscribe(s.topic('#'));
    const found = (await late.collectFrom(publisher)).map((one) => one.payload).sort();
    t.true(found.includes('22') && found.includes('0'));
    t.true(found.every((payload) => payload.length <= 2));
    t.true(found.length <= 5, `${found.length} are kept`);
    t.is((await s.figures()).stats['retained/count'], found.length);
  },
  1,
);

sceneWith(
  'the retainer forgets in time, but for $SYS; the count follows',
  { 'retainer.expiry_interval': '100s', 'mqtt.broker.sys_interval': '1s' },
  async (t, s) => {
    const publisher = await s.connect();
    const sys = await s.connect();
    await sys.subscribe(`$SYS/brokers/${s.broker.name}/version`);
    await sys.receive();
    await retain(s, publisher, 20, 1);
    // Three of them $SYS's. An owner on another shard hears of it a moment later.
    const countIs = async (count: number) => (await s.figures()).stats['retained/count'] === count;
    await until(() => countIs(23), 'all to be retained');
    await s.advanceClock(99);
    await s.advanceClock(2);
    const late = await s.connect();
    await late.subscribe(s.topic('#'));
    await late.expectNothingFrom(publisher);
    await until(() => countIs(3), 'the count to follow');
    // As published: an interval may end just now.
    await late.subscribe([[`$SYS/brokers/${s.broker.name}/version`, RETAIN_AS_PUBLISHED]]);
    t.true((await late.receive()).retain);
  },
  2,
);

scene.once(
  'whatever is published while a SUBSCRIBE is under way, nothing retained comes after a newer live message',
  async (t, s) => {
    const publishers = [await s.connect({ at: 0 }), await s.connect({ at: 1 }), await s.connect({ at: 2 })];
    const end = s.topic('end');
    await publishers[0]!.publish({ topic: end, payload: 'end', qos: 1, retain: true });
    for (let n = 0; n < 300; n += 1) {
      const topic = s.topic(`race/${n}`);
      const publisher = publishers[n % 3]!;
      await publisher.publish({ topic, payload: '0', qos: 1, retain: true });
      const subscriber = await s.connect({ at: Math.floor(n / 3) % 3 });
      // Replays follow each other: that of the second subscription ends after that of the first.
      subscriber.send(subscribe(5, 1, [[topic, 1]]), subscribe(5, 2, [[end, 1]]));
      for (let k = 1; k <= 12; k += 1) {
        publisher.sendPublish({ topic, payload: `${k}`, qos: 1, id: k, retain: true });
        await new Promise(setImmediate);
      }
      await publisher.finishPublishing(1, 12);
      let live = 0;
      let newest = 0;
      for (let isOver = false; !isOver || newest < 12; ) {
        const packet = await subscriber.next();
        if (packet === null) throw new Error('the connection was closed');
        if (packet.type !== 'publish') continue;
        subscriber.sendAck('puback', packet.id);
        if (packet.topic === end) {
          isOver = true;
          continue;
        }
        const number = Number(packet.payload);
        t.true(number >= live, `${n}: ${number} came after ${live}`);
        if (!packet.retain) live = number;
        newest = Math.max(newest, number);
      }
      subscriber.drop();
    }
  },
);
