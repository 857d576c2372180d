import ava from 'ava';
import { CONTENT_AT, framed } from '../../../../src/storage/framing.js';
import { ack, disconnect, PERSISTENT, subscribe, unsubscribe } from '../../../helpers/packets.js';
import { settle } from '../../../helpers/test-shard.js';
import { StoredShard } from './sessions-bench.js';

// What expires is measured by a clock that goes on while other tests compute.
const test = ava.serial;

/** The longest that MQTT has. */
const LONG = 'x'.repeat(65_535);

test('a session is back with every kind of subscription, its options and identifiers, in MQTT 5 and 3.1.1', async (t) => {
  let stored = await StoredShard.begin(t);
  const five = stored.shard.open('five', { version: 5, ...PERSISTENT });
  five.send(subscribe(5, 1, [['a/+/#', 0x2d]], { subscriptionIdentifiers: [268_435_455] }));
  five.subscribe(
    2,
    ['$share/grüppe/a/b', 1],
    ['$local/a', 2],
    ['$local/$share/g/a', 0],
    ['$queue/q', 1],
    ['a', 0],
  );
  const four = stored.shard.open('four', { version: 4, clean: false });
  four.subscribe(1, ['#', 1], [LONG, 2], ['$SYS/#', 0]);
  await settle();
  const before = stored.facts();
  t.is(before['five']!.subscriptions.length, 6);
  t.is(before['four']!.subscriptions.length, 3);
  stored = await stored.restart();
  t.deepEqual(stored.facts(), before);
  // Once more, as it is after a start without a change.
  stored = await stored.restart();
  t.deepEqual(stored.facts(), before);
  t.deepEqual(stored.lines, []);
});

test('what a client gets is as if the broker had not been away', async (t) => {
  let stored = await StoredShard.begin(t);
  stored.shard.open('sub', PERSISTENT).send(subscribe(5, 1, [['t/#', 1]], { subscriptionIdentifiers: [7] }));
  await settle();
  stored = await stored.restart();
  const sub = stored.shard.open('sub', PERSISTENT);
  await settle();
  const [connack] = sub.take();
  t.like(connack, { type: 'connack', sessionPresent: true });
  stored.shard.open('pub').publish({ topic: 't/1', payload: 'x', qos: 1 });
  await settle();
  t.like(sub.take()[0], { type: 'publish', payload: 'x', properties: { subscriptionIdentifiers: [7] } });
});

test('messages wait for a session over a restart, in flight and queued', async (t) => {
  let stored = await StoredShard.begin(t);
  const sub = stored.shard.open('sub', PERSISTENT);
  sub.subscribe(1, ['t', 2]);
  const pub = stored.shard.open('pub');
  await settle();
  pub.publish({ topic: 't', payload: 'in flight', qos: 1, id: 1 });
  await settle();
  sub.drop();
  pub.publish({ topic: 't', payload: 'queued', qos: 2, id: 2 });
  stored = await stored.restart();
  const again = stored.shard.open('sub', PERSISTENT);
  await stored.commit();
  await settle();
  t.deepEqual(again.takePayloads(), ['in flight', 'queued']);
});

test('ClientIds and topics of the greatest length are kept', async (t) => {
  const config = { 'mqtt.max_clientid_len': 65_535, 'mqtt.max_topic_levels': 65_535 } as const;
  let stored = await StoredShard.begin(t, undefined, { config });
  stored.shard
    .open(LONG, PERSISTENT)
    .subscribe(1, [`${LONG.slice(1)}`, 1], [`$share/g/${LONG.slice(20)}`, 1]);
  stored.shard.open('pub', PERSISTENT).publish({ topic: LONG, payload: 'p', retain: true, qos: 1 });
  await settle();
  const before = stored.facts();
  t.is(before[LONG]!.subscriptions.length, 2);
  stored = await stored.restart();
  t.deepEqual(stored.facts(), before);
  t.is(stored.shard.parts.retained.count, 1);
});

test('what is unsubscribed, and what ends, leaves nothing in the store', async (t) => {
  const stored = await StoredShard.begin(t);
  const { store } = stored;
  const client = stored.shard.open('c', PERSISTENT);
  client.subscribe(1, ['a', 0], ['b', 0], ['$share/g/c', 0]);
  await stored.commit();
  t.deepEqual([store.count('sessions'), store.count('subscriptions')], [1, 3]);
  client.send(unsubscribe(5, 2, ['a']));
  client.subscribe(3, ['d', 0]);
  client.send(unsubscribe(5, 4, ['d']));
  await stored.commit();
  t.is(store.count('subscriptions'), 2);
  client.send(disconnect(0, { sessionExpiry: 0 }));
  await stored.commit();
  t.deepEqual([store.count('sessions'), store.count('subscriptions')], [0, 0]);
});

test('sessions that end with their connection, and have no will, are not stored', async (t) => {
  const stored = await StoredShard.begin(t);
  stored.shard.open('c').subscribe(1, ['a', 1]);
  await stored.commit();
  t.deepEqual([stored.store.count('sessions'), stored.store.count('subscriptions')], [0, 0]);
});

test('a session that is begun anew under the same ClientId is another one', async (t) => {
  let stored = await StoredShard.begin(t);
  stored.shard.open('c', PERSISTENT).subscribe(1, ['old', 1]);
  await stored.commit();
  stored.shard.open('c', { properties: { sessionExpiry: 10 } }).subscribe(1, ['new', 1]);
  stored = await stored.restart();
  t.like(stored.facts()['c'], { expirySeconds: 10, subscriptions: [JSON.stringify(infoOf('new'))] });
  t.is(stored.store.count('subscriptions'), 1);
});

test('numbers of sessions are not given twice, though nothing is left of those that had them', async (t) => {
  let stored = await StoredShard.begin(t);
  stored.shard.open('a', PERSISTENT);
  await stored.commit();
  const { number } = stored.session('a')!;
  stored.shard.open('a', { clean: true });
  stored = await stored.restart();
  stored.shard.open('b', PERSISTENT);
  await stored.commit();
  t.true(stored.session('b')!.number > number);
});

test('a session expires by the time that has passed while the broker was away', async (t) => {
  let stored = await StoredShard.begin(t);
  const options = { clean: false, properties: { sessionExpiry: 100 } };
  stored.shard.open('away', options).drop();
  stored.shard.open('here', options);
  stored.shard.open('forever', { clean: false, properties: { sessionExpiry: 0xffffffff } }).drop();
  stored = await stored.restart(60_000);
  await stored.shard.advance(39_000);
  t.deepEqual(Object.keys(stored.facts()), ['away', 'forever', 'here']);
  await stored.shard.advance(2_000);
  // Who was connected is away since the start.
  t.deepEqual(Object.keys(stored.facts()), ['forever', 'here']);
  stored = await stored.restart(160_000);
  await stored.shard.advance(1_000);
  t.deepEqual(Object.keys(stored.facts()), ['forever']);
  await stored.commit();
  t.is(stored.store.count('sessions'), 1);
});

test('a clock that was set back counts as no time', async (t) => {
  let stored = await StoredShard.begin(t);
  stored.shard.parts.clock.advance(1_000_000);
  await settle();
  stored.shard.open('c', { clean: false, properties: { sessionExpiry: 100 } }).drop();
  stored = await stored.restart();
  await stored.shard.advance(99_000);
  t.deepEqual(Object.keys(stored.facts()), ['c']);
  await stored.shard.advance(2_000);
  t.deepEqual(Object.keys(stored.facts()), []);
});

test('the will of a client that was connected is sent 5 s after the start, unless it is back', async (t) => {
  const will = { topic: 'will', payload: 'lost', qos: 1 };
  let stored = await StoredShard.begin(t);
  stored.shard.open('clean', { will: { ...will, payload: 'clean' } });
  stored.shard.open('kept', { ...PERSISTENT, will: { ...will, payload: 'kept' } });
  stored.shard.open('back', { ...PERSISTENT, will: { ...will, payload: 'back' } });
  stored.shard.open('clean back', { will: { ...will, payload: 'clean back' } });
  const late = { ...will, payload: 'late', properties: { willDelay: 20 } };
  stored.shard.open('late', { ...PERSISTENT, will: late });
  stored = await stored.restart(60_000);
  const reader = stored.shard.open('reader');
  reader.subscribe(1, ['will', 1]);
  stored.shard.open('back', PERSISTENT);
  const cleanBack = stored.shard.open('clean back');
  await settle();
  t.like(cleanBack.take()[0], { type: 'connack', sessionPresent: false });
  t.deepEqual(Object.keys(stored.facts()), ['back', 'clean back', 'kept', 'late', 'reader']);
  await stored.shard.advance(4_900);
  t.deepEqual(reader.takePayloads(), []);
  await stored.shard.advance(300);
  t.deepEqual(reader.takePayloads().sort(), ['clean', 'kept']);
  await stored.shard.advance(14_000);
  t.deepEqual(reader.takePayloads(), []);
  await stored.shard.advance(1_200);
  t.deepEqual(reader.takePayloads(), ['late']);
  // Nothing is left of them.
  stored = await stored.restart();
  const again = stored.shard.open('again');
  again.subscribe(1, ['will', 1]);
  await stored.shard.advance(30_000);
  t.deepEqual(again.takePayloads(), []);
  t.is(stored.store.count('sessions'), 3);
});

test('a will that was to be sent while the broker was away is sent after the start; it is told once', async (t) => {
  let stored = await StoredShard.begin(t);
  const properties = {
    willDelay: 30,
    messageExpiry: 500,
    userProperties: [['a', 'b']] as [string, string][],
  };
  const will = { topic: 'w', payload: 'p', qos: 2, retain: true, properties };
  stored.shard.open('c', { ...PERSISTENT, will }).drop();
  stored = await stored.restart(60_000);
  const reader = stored.shard.open('reader');
  reader.subscribe(1, ['w', 2 | 8]);
  await stored.shard.advance(5_200);
  await stored.commit();
  const found = reader.take().find(({ type }) => type === 'publish');
  t.like(found, { payload: 'p', qos: 2, retain: true, properties: { messageExpiry: 500 } });
  t.is(stored.shard.parts.retained.count, 1);
});

test('DISCONNECT takes the will away, and it does not come back', async (t) => {
  let stored = await StoredShard.begin(t);
  const client = stored.shard.open('c', { ...PERSISTENT, will: { topic: 'w', payload: 'p' } });
  await stored.commit();
  client.send(disconnect());
  stored = await stored.restart();
  t.is(stored.facts()['c']!.will, null);
});

test('what is retained comes back with properties and expiry; what was removed or has expired does not', async (t) => {
  let stored = await StoredShard.begin(t);
  const pub = stored.shard.open('pub');
  const properties = {
    messageExpiry: 100,
    contentType: 'text',
    userProperties: [['k', 'v']] as [string, string][],
  };
  pub.publish({ topic: 'r/full', payload: 'full', qos: 2, id: 1, retain: true, properties });
  pub.publish({ topic: 'r/plain', payload: 'first', retain: true });
  pub.publish({ topic: 'r/plain', payload: 'second', retain: true });
  pub.publish({ topic: 'r/gone', payload: 'gone', retain: true });
  pub.publish({ topic: 'r/late', payload: 'late', retain: true, properties: { messageExpiry: 10 } });
  await stored.commit();
  pub.publish({ topic: 'r/gone', payload: '', retain: true });
  stored = await stored.restart(40_000);
  const reader = stored.shard.open('reader');
  reader.subscribe(1, ['r/#', 2]);
  await settle(40);
  const got = reader.take().filter(({ type }) => type === 'publish');
  t.deepEqual(got.map((each) => ('topic' in each ? each.topic : '')).sort(), ['r/full', 'r/plain']);
  t.like(
    got.find((each) => 'topic' in each && each.topic === 'r/full'),
    { payload: 'full', qos: 2, retain: true, properties: { messageExpiry: 60, contentType: 'text' } },
  );
  t.is(
    (got.find((each) => 'topic' in each && each.topic === 'r/plain') as { payload: string }).payload,
    'second',
  );
});

test('a removal is kept for as long as an older write may come, also one over a restart', async (t) => {
  let stored = await StoredShard.begin(t);
  const pub = stored.shard.open('pub');
  pub.publish({ topic: 'never there', payload: '', retain: true });
  stored = await stored.restart(60_000);
  t.is(stored.store.count('retained'), 1);
  await stored.shard.advance(16_000);
  await stored.commit();
  t.is(stored.store.count('retained'), 0);
});

test('damaged rows are lost one by one: counted, named, and gone from the store', async (t) => {
  let stored = await StoredShard.begin(t);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'whole']) {
    stored.shard.open(name, PERSISTENT).subscribe(1, [`filter of ${name}`, 1]);
  }
  stored.shard.open('pub').publish({ topic: 'r', payload: 'p', retain: true });
  await stored.commit();
  for (const table of ['sessions', 'subscriptions', 'retained'] as const) {
    let left = 5;
    for (const [key, value] of stored.store.table(table)) {
      const isWhole = Buffer.from(key, 'hex').toString('latin1').endsWith('whole');
      if (isWhole || left-- === 0) continue;
      const bent = Buffer.from(value);
      bent[value.length >> 1]! ^= 1;
      stored.store.table(table).set(key, bent);
    }
  }
  const left = stored.store.copy();
  await stored.stop();
  stored = await StoredShard.begin(t, left);
  t.deepEqual(Object.keys(stored.facts()), ['whole']);
  t.is(stored.facts()['whole']!.subscriptions.length, 1);
  await stored.commit();
  t.deepEqual(
    stored.lines.slice(0, -1).map((line) => /table (\w+) .*"rows":(\d+)/.exec(line)?.slice(1)),
    [
      ['sessions', '5'],
      ['subscriptions', '5'],
      ['retained', '1'],
    ],
  );
  t.regex(stored.lines[2]!, /"among":"r"/);
  t.regex(stored.lines[3]!, /lost: 5 of sessions, 5 of subscriptions, 1 of retained/);
  t.deepEqual([stored.store.count('sessions'), stored.store.count('subscriptions')], [1, 1]);
});

test('a row of a later version refuses the start', async (t) => {
  const tables = ['sessions', 'subscriptions', 'retained', 'meta'] as const;
  const begin = async (table: (typeof tables)[number]): Promise<StoredShard> => {
    const stored = await StoredShard.begin(t);
    stored.shard.open('c', PERSISTENT).subscribe(1, ['f', 1]);
    stored.shard.open('pub').publish({ topic: 'r', payload: 'p', retain: true });
    await stored.commit();
    const left = stored.store.copy();
    await stored.stop();
    const [key, value] = [...left.table(table)][0]!;
    left.table(table).set(key, sealedAgain(Buffer.from(key, 'hex'), value));
    return StoredShard.begin(t, left);
  };
  for (const result of await Promise.allSettled(tables.map(begin))) {
    t.regex(String((result as PromiseRejectedResult).reason), /later version of shardmq/);
  }
});

test('subscriptions of sessions that are gone are gone', async (t) => {
  let stored = await StoredShard.begin(t);
  const { store } = stored;
  stored.shard.open('c', PERSISTENT).subscribe(1, ['f', 1]);
  await stored.commit();
  const [key] = [...store.table('sessions').keys()];
  store.table('sessions').delete(key!);
  stored = await stored.crash();
  await stored.commit();
  t.deepEqual([stored.shard.parts.router.subscriptionCount, stored.store.count('subscriptions')], [0, 0]);
  t.deepEqual(stored.lines, []);
});

test('lists show sessions that are back', async (t) => {
  let stored = await StoredShard.begin(t);
  stored.shard.open('c', PERSISTENT).subscribe(1, ['a', 1], ['$share/g/b', 2]);
  await settle();
  const before = stored.session('c')!.createdAtMs;
  stored = await stored.restart(10_000);
  const { listing, router, sessions } = stored.shard.parts;
  const lot = await listing.rows({ kind: 'sessions', from: null, max: 10 });
  t.like(lot.rows[0], {
    clientId: 'c',
    createdAtMs: before,
    isOnline: false,
    isClean: false,
    subscriptions: 2,
  });
  const { rows, total } = await listing.rows({ kind: 'subscriptions', from: null, max: 10 });
  t.is(total, 2);
  t.deepEqual(rows.map((row) => ('filter' in row ? row.filter : '')).sort(), ['a', 'b']);
  t.deepEqual(
    [sessions.count, sessions.onlineCount, router.subscriptionCount, router.filterCount],
    [1, 0, 2, 2],
  );
  t.like(router.groupNamed('b', 'g'), { memberCount: 1, onlineCount: 0, offlineCount: 1 });
});

test('QoS 2 goes on over a restart in both directions', async (t) => {
  let stored = await StoredShard.begin(t);
  const client = stored.shard.open('c', PERSISTENT);
  client.subscribe(1, ['t', 2]);
  await settle();
  client.publish({ topic: 't', payload: 'own', qos: 2, id: 9 });
  await stored.commit();
  await settle();
  const id = client.take().flatMap((each) => (each.type === 'publish' ? [each.id] : []))[0]!;
  client.send(ack('pubrec', id));
  await stored.commit();
  stored = await stored.restart();
  const again = stored.shard.open('c', PERSISTENT);
  await settle();
  t.deepEqual(
    again.take().map(({ type }) => type),
    ['connack', 'pubrel'],
  );
  again.send(ack('pubcomp', id), ack('pubrel', 9));
  await stored.commit();
  await settle();
  t.like(again.take()[0], { type: 'pubcomp', id: 9 });
});

function infoOf(filter: string) {
  return { filter, group: null, local: false, options: 1, identifier: 0 };
}

function sealedAgain(key: Buffer, value: Buffer): Buffer {
  return framed(key, value.subarray(CONTENT_AT, value.length - 4), 200);
}
