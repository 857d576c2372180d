/**
 * Clients that leave a broker with something of every kind to keep: sessions with subscriptions of all kinds, messages
 * in all states in both directions, queues, wills, retained messages. And who finds out later whether it is all there.
 */
import type { ExecutionContext } from 'ava';
import { NO_LOCAL, RETAIN_AS_PUBLISHED } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';

type Address = Parameters<typeof RawClient.open>[0];

const DEVICES = 6;
const SHARED = 8;
/** Seconds. */
const EXPIRY = 100_000;
export const WILL_DELAY = 3_600;
const LASTING = { clean: false, properties: { sessionExpiry: EXPIRY } } as const;
const MESSAGE_EXPIRY = { messageExpiry: EXPIRY };
const INBOUND_ID = 900;
const IDENTIFIER = 77;

const versionOf = (device: number): 4 | 5 => (device % 2 === 0 ? 5 : 4);

async function comeIn(address: Address, clientId: string, version: 4 | 5 = 5): Promise<RawClient> {
  const client = await RawClient.open(address, version);
  await client.connect({ clientId, ...(version === 5 ? LASTING : { clean: false }) });
  return client;
}

/** Everything but queues; all leave without a word. */
export async function settle(address: Address): Promise<void> {
  const collector = await comeIn(address, 'collector');
  await collector.subscribe([
    ['report', 2],
    ['will/#', 1],
  ]);
  collector.drop();
  for (let i = 0; i < DEVICES; i++) await settleDevice(address, i);
  const publisher = await comeIn(address, 'publisher');
  for (let i = 0; i < DEVICES; i++) {
    const message = { topic: `kept/${i}`, payload: `${i}`, qos: 1, retain: true, properties: MESSAGE_EXPIRY };
    await publisher.publish(message);
  }
  await publisher.publish({ topic: 'kept/0', payload: '', qos: 1, retain: true });
  publisher.drop();
  const mortal = await RawClient.open(address, 5);
  const will = { topic: 'will/mortal', payload: 'late', qos: 1, properties: { willDelay: WILL_DELAY } };
  await mortal.connect({ clientId: 'mortal', will, ...LASTING });
  // A commit that holds the session.
  await mortal.subscribe([['nothing', 1]]);
  mortal.drop();
}

/** Of its own three messages one awaits PUBACK, one PUBREC, one PUBCOMP; what it has published awaits PUBREL. */
async function settleDevice(address: Address, i: number): Promise<void> {
  const device = await comeIn(address, `device-${i}`, versionOf(i));
  const isNew = versionOf(i) === 5;
  await device.subscribe(
    [[`own/${i}`, isNew ? 2 | NO_LOCAL | RETAIN_AS_PUBLISHED : 2]],
    isNew ? { subscriptionIdentifiers: [IDENTIFIER] } : undefined,
  );
  await device.subscribe([
    ['all/+', 1],
    ['$share/group/work/#', 1],
  ]);
  const publisher = await RawClient.open(address, 5);
  await publisher.connect({ clientId: `publisher-${i}` });
  await publisher.publish({ topic: `own/${i}`, payload: 'sent 1', qos: 1 });
  await publisher.publish({ topic: `own/${i}`, payload: 'sent 2', qos: 2 });
  await publisher.publish({ topic: `own/${i}`, payload: 'released', qos: 2 });
  for (let released = 0, published = 0; released < 1 || published < 3; ) {
    const packet = await device.next();
    if (packet?.type === 'pubrel') released++;
    else if (packet?.type !== 'publish') throw new Error('something else has come');
    else if (packet.payload === 'released') device.sendAck('pubrec', packet.id);
    if (packet.type === 'publish') published++;
  }
  device.sendPublish({ topic: 'report', payload: `report ${i}`, qos: 2, id: INBOUND_ID });
  await device.expect('pubrec');
  device.drop();
  await publisher.disconnect();
}

/** What waits for those who are away; rounds count from 0. */
export async function publishRound(address: Address, round: number): Promise<void> {
  const publisher = await comeIn(address, 'publisher');
  const qos = 1 + (round % 2);
  const send = (topic: string, payload: string): Promise<unknown> =>
    publisher.publish({ topic, payload, qos, properties: MESSAGE_EXPIRY });
  for (let i = 0; i < DEVICES; i++) await send(`own/${i}`, `own ${round}`);
  await send('all/x', `all ${round}`);
  for (let n = 0; n < SHARED; n++) await send('work/x', `work ${round}.${n}`);
  publisher.drop();
}

/** A client with a will and without a session that lasts; it stays until its connection ends. */
export async function stayUntilTheEnd(address: Address): Promise<void> {
  const client = await RawClient.open(address, 5);
  const will = { topic: 'will/clean', payload: 'clean', qos: 1 };
  await client.connect({ clientId: 'ephemeral', will });
}

/** Everything that was left is there, once and in order; `passTime` lets seconds pass. `wills`: more that are due. */
export async function findAll(
  t: ExecutionContext,
  address: Address,
  rounds: number,
  passTime: (seconds: number) => Promise<void>,
  wills: readonly string[] = [],
): Promise<void> {
  const work: string[] = [];
  for (let i = 0; i < DEVICES; i++) work.push(...(await findDevice(t, address, i, rounds)));
  const expected = [...Array(rounds).keys()].flatMap((round) =>
    Array.from({ length: SHARED }, (_, n) => `work ${round}.${n}`),
  );
  t.deepEqual(work.sort(), expected.sort(), 'one member has each');
  await passTime(WILL_DELAY + 1);
  const collector = await comeIn(address, 'collector');
  t.true(collector.connack?.sessionPresent);
  const reports = Array.from({ length: DEVICES }, (_, i) => `report ${i}`);
  const collected = await collector.receiveAll(reports.length + 1 + wills.length);
  t.deepEqual(collected.map(({ payload }) => payload).sort(), [...wills, 'late', ...reports]);
  await collector.expectSilence();
  collector.drop();
  await findRetained(t, address);
}

/** @returns its part of what was meant for the group */
async function findDevice(
  t: ExecutionContext,
  address: Address,
  i: number,
  rounds: number,
): Promise<string[]> {
  const device = await comeIn(address, `device-${i}`, versionOf(i));
  const isNew = versionOf(i) === 5;
  t.true(device.connack?.sessionPresent, `session ${i}`);
  const all = await untilPing(device);
  const inFlight = all.filter(({ dup }) => dup).map(({ payload }) => payload);
  t.deepEqual(inFlight, ['sent 1', 'sent 2'], 'what was sent comes again');
  const queued = all.filter(({ dup }) => !dup);
  const of = (topic: string): string[] =>
    queued.filter((packet) => packet.topic === topic).map(({ payload }) => payload);
  const numbers = [...Array(rounds).keys()];
  // Held ones are overtaken by those with QoS 1.
  const own = numbers.map((round) => `own ${round}`);
  t.deepEqual(of(`own/${i}`).toSorted(), own);
  for (const qos of [1, 2]) {
    const ofQos = queued.filter((packet) => packet.qos === qos && packet.topic === `own/${i}`);
    t.deepEqual(
      ofQos.map(({ payload }) => payload),
      own.filter((_, round) => 1 + (round % 2) === qos),
    );
  }
  t.deepEqual(
    of('all/x'),
    numbers.map((round) => `all ${round}`),
  );
  if (isNew) {
    for (const { properties } of queued) t.true(properties.messageExpiry! <= EXPIRY);
    const identifiers = all.filter(({ topic }) => topic === `own/${i}`).map((packet) => packet.properties);
    for (const { subscriptionIdentifiers } of identifiers) t.deepEqual(subscriptionIdentifiers, [IDENTIFIER]);
  }
  await findOptions(t, address, device, i);
  // The message is there already: only its PUBREL is missing.
  device.sendPublish({ topic: 'report', payload: `report ${i}`, qos: 2, id: INBOUND_ID, dup: true });
  t.is((await device.expect('pubrec')).id, INBOUND_ID);
  device.sendAck('pubrel', INBOUND_ID);
  t.is((await device.expect('pubcomp')).id, INBOUND_ID);
  const work = of('work/x');
  await device.unsubscribe('$share/group/work/#');
  device.drop();
  return work;
}

/** @returns all messages, acknowledged; a PUBREL of before is answered too */
async function untilPing(device: RawClient): Promise<Received[]> {
  const found: Received[] = [];
  let open = 0;
  let isReleasedFirst = true;
  for (;;) {
    device.send([0xc0, 0]);
    let packet = await device.next();
    let isQuiet = true;
    for (; packet?.type !== 'pingresp'; packet = await device.next()) {
      if (packet === null) throw new Error('the connection was closed');
      isQuiet = false;
      if (packet.type === 'publish') {
        if (packet.qos === 2) open++;
        device.sendAck(packet.qos === 1 ? 'puback' : 'pubrec', packet.id);
        found.push(packet);
      } else if (packet.type === 'pubrel') {
        device.sendAck('pubcomp', packet.id);
        // One is of the message that had got PUBREC long ago.
        if (isReleasedFirst) isReleasedFirst = false;
        else open--;
      }
    }
    if (isQuiet && open === 0 && !isReleasedFirst) return found;
  }
}

async function findOptions(
  t: ExecutionContext,
  address: Address,
  device: RawClient,
  i: number,
): Promise<void> {
  const publisher = await RawClient.open(address, 5);
  await publisher.connect({ clientId: `publisher-${i}` });
  await publisher.publish({ topic: `own/${i}`, payload: 'live', retain: true });
  const live = await device.expectPublish('live');
  t.is(live.retain, versionOf(i) === 5, 'retain as published');
  await publisher.publish({ topic: `own/${i}`, payload: '', retain: true });
  await device.expectPublish('');
  await publisher.disconnect();
  if (versionOf(i) !== 5) return;
  device.sendPublish({ topic: `own/${i}`, payload: 'to myself' });
  await device.expectSilence();
}

async function findRetained(t: ExecutionContext, address: Address): Promise<void> {
  const reader = await RawClient.open(address, 5);
  await reader.connect({ clientId: 'reader' });
  await reader.subscribe([['kept/#', 0]]);
  const found = await reader.receiveAll(DEVICES - 1);
  for (const { properties } of found) t.true(properties.messageExpiry! <= EXPIRY);
  t.deepEqual(
    found.map(({ payload }) => Number(payload)).sort((a, b) => a - b),
    Array.from({ length: DEVICES - 1 }, (_, i) => i + 1),
  );
  await reader.expectSilence();
  reader.drop();
}
