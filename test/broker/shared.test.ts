/** Share groups: who gets a message, and what becomes of it when its member leaves. */
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { receiveTogether } from './receiver.js';
import { expectPayloads, numbered, publishAll, type Stage, scenesWith, sceneWith } from './stage.js';

const scene = scenesWith({
  'mqtt.session.max_inflight': 4,
  'mqtt.shared_subscription_strategy': 'round_robin',
});

/** Members of a group on as many places. */
async function members(
  s: Stage,
  filter: string,
  qos: number,
  places: readonly number[],
): Promise<RawClient[]> {
  const found: RawClient[] = [];
  for (const at of places) {
    const member = await s.connect({ at });
    await member.subscribe([[filter, qos]]);
    found.push(member);
  }
  return found;
}

/** What each has got of everything this publisher has sent. */
async function payloadsOf(clients: readonly RawClient[], publisher: RawClient): Promise<string[][]> {
  const found: string[][] = [];
  for (const client of clients) found.push((await client.collectFrom(publisher)).map((one) => one.payload));
  return found;
}

/** What each has got when all together have got `total` messages. */
async function payloadsBy(clients: readonly RawClient[], total: number): Promise<string[][]> {
  return (await receiveTogether(clients, total)).map((list) => list.map((one) => one.payload));
}

const sorted = (lists: readonly string[][]): string[] =>
  lists.flat().sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));

scene('round robin over members on all shards: each gets as many, each message comes once', async (t, s) => {
  const topic = s.topic('a');
  const group = await members(s, `$share/g/${topic}`, 1, [0, 0, 1, 1, 2, 2]);
  for (const at of [0, 1, 2]) {
    const publisher = await s.connect({ at });
    await publishAll(publisher, topic, numbered(60), 1);
    const found = await payloadsBy(group, 60);
    t.deepEqual(
      found.map((list) => list.length),
      [10, 10, 10, 10, 10, 10],
    );
    t.deepEqual(sorted(found), numbered(60));
  }
});

scene('online members come first, also when they are on other shards', async (t, s) => {
  const topic = s.topic('a');
  const absent = await s.connect(PERSISTENT);
  await absent.subscribe([[`$share/g/${topic}`, 1]]);
  const publisher = await s.connect();
  const [online] = await members(s, `$share/g/${topic}`, 1, [1]);
  await absent.disconnect();
  await publisher.expectNothingFrom(await s.connect({ clientId: s.clientId(0) }));
  await publishAll(publisher, topic, numbered(10), 1);
  t.deepEqual(await payloadsBy([online!], 10), [numbered(10)]);
  await s.lose(online!);
  await publishAll(publisher, topic, numbered(5), 1);
  await s.settled(publisher);
  // In any order: what was on its way to the shard of the member that has just gone comes back first, and a group keeps
  // no order among its members anyway [MQTT-4.6.0-6].
  t.deepEqual((await (await s.resume(absent)).receiveAll(5)).map((one) => one.payload).sort(), numbered(5));
});

for (const [kind, leave] of [
  ['DISCONNECT', (_s: Stage, client: RawClient) => client.disconnect()],
  ['a broken connection', (s: Stage, client: RawClient) => s.lose(client)],
  ['a kick', (s: Stage, client: RawClient) => s.kick(client.clientId)],
  ['a clean start', (s: Stage, client: RawClient) => s.connect({ clientId: client.clientId })],
] as const) {
  for (const sessionExpiry of [0, 3_600]) {
    const what = sessionExpiry > 0 ? 'its session stays' : 'its session ends';
    scene(
      `a member leaves by ${kind}, ${what}: what it had of QoS 1 goes to the others, in order`,
      async (t, s) => {
        const topic = s.topic('a');
        const filter = `$share/g/${topic}`;
        const leaver = await s.connect({ clean: false, properties: { sessionExpiry } });
        await leaver.subscribe([[filter, 1]]);
        const publisher = await s.connect({ at: 1 });
        await publishAll(publisher, topic, numbered(10), 1);
        await expectPayloads(leaver, numbered(4));
        const [other] = await members(s, filter, 1, [2]);
        await s.settled(publisher);
        await leave(s, leaver);
        t.deepEqual(
          (await other!.receiveAll(10)).map((one) => one.payload),
          numbered(10),
        );
        const again = await s.connect({ clientId: leaver.clientId, clean: false });
        await again.expectSilence();
      },
    );
  }
}

scene(
  'a persistent member that leaves alone keeps its messages: in flight with DUP, then the queue',
  async (t, s) => {
    const topic = s.topic('a');
    const member = await s.connect(PERSISTENT);
    await member.subscribe([[`$share/g/${topic}`, 1]], { subscriptionIdentifiers: [9] });
    const publisher = await s.connect({ at: 1 });
    await publishAll(publisher, topic, numbered(6), 2);
    const sent = await expectPayloads(member, numbered(4));
    await s.lose(member);
    await publishAll(publisher, topic, numbered(2, 6), 2);
    await s.settled(publisher);
    const again = await s.resume(member);
    const found = await again.receiveAll(8);
    t.deepEqual(
      found.map(({ payload, dup, qos, properties }) => [
        payload,
        dup,
        qos,
        properties.subscriptionIdentifiers,
      ]),
      numbered(8).map((payload, n) => [payload, n < 4, 1, [9]]),
    );
    t.deepEqual(
      found.slice(0, 4).map((one) => one.id),
      sent.map((one) => one.id),
    );
  },
);

scene.once(
  'a member that leaves a long queue behind: the others get all of it in order, in slices',
  async (t, s) => {
    const topic = s.topic('a');
    const filter = `$share/g/${topic}`;
    const leaver = await s.connect(PERSISTENT);
    await leaver.subscribe([[filter, 1]]);
    const publisher = await s.connect({ version: 4 });
    const count = 40_000;
    const batch = 1_000;
    for (let first = 0; first < count; first += batch) {
      for (let n = 0; n < batch; n += 1)
        publisher.sendPublish({ topic, payload: `${first + n}`, qos: 1, id: n + 1 });
      await publisher.finishPublishing(1, batch);
    }
    const [other] = await members(s, filter, 0, [1]);
    leaver.drop();
    const [found] = await receiveTogether([other!], count);
    const longestMs = await s.longestTurnMs();
    t.deepEqual(
      found!.map((one) => Number(one.payload)),
      Array.from({ length: count }, (_, n) => n),
    );
    t.log(`longest turn ${longestMs.toFixed(1)} ms`);
  },
);

scene('what waits for an absent member goes to another absent one when its session ends', async (t, s) => {
  const topic = s.topic('a');
  const filter = `$share/g/${topic}`;
  const first = await s.connect(PERSISTENT);
  await first.subscribe([[filter, 1]]);
  await first.disconnect();
  const publisher = await s.connect({ at: 1 });
  await publishAll(publisher, topic, numbered(6), 1);
  const second = await s.connect({ ...PERSISTENT, at: 2 });
  await second.subscribe([[filter, 1]]);
  await second.disconnect();
  await s.settled(publisher);
  const fresh = await s.connect({ clientId: first.clientId, clean: true });
  await s.settled(fresh, 2);
  t.deepEqual(
    (await (await s.resume(second)).receiveAll(6)).map((one) => one.payload),
    numbered(6),
  );
});

scene('a member that unsubscribes finishes what it was sent and gets no more', async (t, s) => {
  const topic = s.topic('a');
  const filter = `$share/g/${topic}`;
  const [leaver] = await members(s, filter, 2, [0]);
  const publisher = await s.connect({ at: 1 });
  await publishAll(publisher, topic, ['one', 'two'], 2);
  const [one, two] = await expectPayloads(leaver!, ['one', 'two']);
  t.deepEqual((await leaver!.unsubscribe(filter)).codes, [0]);
  t.deepEqual((await leaver!.unsubscribe(filter)).codes, [0x11]);
  const [other] = await members(s, filter, 2, [2]);
  await publishAll(publisher, topic, ['three'], 2);
  await other!.receive('three');
  for (const { id } of [one!, two!]) {
    leaver!.sendAck('pubrec', id);
    await leaver!.expect('pubrel');
    leaver!.sendAck('pubcomp', id);
  }
  await leaver!.expectNothingFrom(publisher);
  await other!.expectNothingFrom(publisher);
});

scene(
  'several groups and a plain subscription of one client: one copy for each group, one for the plain',
  async (t, s) => {
    const topic = s.topic('a');
    const client = await s.connect();
    await client.subscribe([
      [`$share/g/${topic}`, 0],
      [`$share/h/${topic}`, 1],
      [`$queue/${topic}`, 2],
      [topic, 1],
      [s.topic('+'), 2],
    ]);
    const publisher = await s.connect({ at: 1 });
    await publisher.publish({ topic, payload: 'm', qos: 2 });
    const found = await client.collectFrom(publisher);
    t.deepEqual(found.map((one) => one.qos).sort(), [0, 1, 2, 2]);
    await client.unsubscribe(`$share/g/${topic}`, `$queue/${topic}`);
    await publisher.publish({ topic, payload: 'm', qos: 2 });
    t.is((await client.collectFrom(publisher)).length, 2);
  },
);

scene(
  '$queue is one group without a name, $local the same as without it; wrong ones are refused',
  async (t, s) => {
    const topic = s.topic('a');
    const queue = await members(s, `$queue/${topic}`, 1, [0, 1, 2]);
    const local = await members(s, `$local/${topic}`, 1, [0, 1, 2]);
    const localQueue = await members(s, `$local/$queue/${topic}`, 1, [0, 1, 2]);
    const localGroup = await members(s, `$local/$share/g/${topic}`, 1, [0, 1, 2]);
    const publisher = await s.connect({ at: 1 });
    await publishAll(publisher, topic, numbered(12), 1);
    for (const group of [queue, localQueue, localGroup]) {
      t.deepEqual(sorted(await payloadsBy(group, 12)), numbered(12));
    }
    for (const list of await payloadsBy(local, 36)) t.deepEqual(list, numbered(12));
    t.is(await publisher.publish({ topic: `$queue/${topic}`, qos: 1 }).then((one) => one?.code), 0x10);
    const wrong = [
      '$queue/',
      '$local/',
      '$local/$share/g',
      '$local/$local/a',
      '$queue/$share/g/a',
      '$share/g/$queue/a',
    ];
    const { codes } = await publisher.subscribe(wrong.map((filter) => [filter, 0] as const));
    t.deepEqual(
      codes,
      wrong.map(() => 0x8f),
    );
  },
);

for (const [strategy, publishers] of [
  ['random', 1],
  ['round_robin', 3],
] as const) {
  sceneWith(
    `${strategy}: a group over three shards under load gets every message once, every member its share`,
    { 'mqtt.shared_subscription_strategy': strategy },
    async (t, s) => {
      const topic = s.topic('a');
      const group = await members(s, `$share/g/${topic}`, 1, [0, 0, 0, 1, 1, 2]);
      const senders: RawClient[] = [];
      for (let at = 0; at < publishers; at += 1) senders.push(await s.connect({ at }));
      const count = 1_200 / publishers;
      const flow = senders.map((sender, at) => publishAll(sender, topic, numbered(count, at * count), 1));
      const found = await payloadsBy(group, 1_200);
      await Promise.all(flow);
      t.deepEqual(sorted(found), numbered(1_200));
      // A random choice is off by more than 70 less than once in ten million runs.
      const most = strategy === 'random' ? 70 : publishers;
      for (const { length } of found) t.true(Math.abs(length - 200) <= most, `${length} of 200`);
    },
  );
}

sceneWith(
  'sticky: one member gets all until it leaves',
  { 'mqtt.shared_subscription_strategy': 'sticky' },
  async (t, s) => {
    const topic = s.topic('a');
    let group = await members(s, `$share/g/${topic}`, 1, [0, 0, 1, 1, 2, 2]);
    const publisher = await s.connect({ at: 1 });
    for (let round = 0; round < 4; round += 1) {
      await publishAll(publisher, topic, numbered(20), 1);
      const found = await payloadsOf(group, publisher);
      const holders = found.filter((list) => list.length > 0);
      t.deepEqual(holders, [numbered(20)]);
      const holder = group[found.indexOf(holders[0]!)]!;
      await s.lose(holder);
      group = group.filter((each) => each !== holder);
      // The publisher's shard has heard of it when something that was said later is there.
      for (const at of [0, 1, 2]) await publisher.expectNothingFrom(await s.connect({ at }));
    }
  },
);

sceneWith(
  'hash_clientid: the publisher decides, wherever the members are',
  { 'mqtt.shared_subscription_strategy': 'hash_clientid' },
  async (t, s) => {
    const topic = s.topic('a');
    const group = await members(s, `$share/g/${topic}`, 1, [0, 0, 1, 1, 2, 2]);
    const used = new Set<number>();
    for (let n = 0; n < 24; n += 1) {
      const publisher = await s.connect({ at: n % 3 });
      for (const name of [topic, topic, topic])
        await publisher.publish({ topic: name, payload: 'm', qos: 1 });
      const counts = (await payloadsOf(group, publisher)).map((list) => list.length);
      t.is(Math.max(...counts), 3, counts.join());
      used.add(counts.indexOf(3));
    }
    t.true(used.size >= 4, `${used.size} of 6 members were used`);
  },
);

sceneWith(
  'hash_topic: the topic decides, whoever publishes and from wherever',
  { 'mqtt.shared_subscription_strategy': 'hash_topic' },
  async (t, s) => {
    const group = await members(s, `$share/g/${s.topic('+')}`, 1, [0, 0, 1, 1, 2, 2]);
    const publishers = [await s.connect({ at: 0 }), await s.connect({ at: 1 }), await s.connect({ at: 2 })];
    const used = new Set<number>();
    for (let n = 0; n < 24; n += 1) {
      const takers = new Set<number>();
      for (const publisher of publishers) {
        await publisher.publish({ topic: s.topic(`t${n}`), payload: 'm', qos: 1 });
        const counts = (await payloadsOf(group, publisher)).map((list) => list.length);
        takers.add(counts.indexOf(1));
      }
      t.is(takers.size, 1, `topic ${n} went to ${[...takers]}`);
      used.add([...takers][0]!);
    }
    t.true(used.size >= 4, `${used.size} of 6 members were used`);
  },
);
