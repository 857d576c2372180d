/** Messages between shards that die: what was acknowledged arrives, with QoS 2 once. */
import test, { type ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { type ConnectOptions, PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import {
  addressOf,
  breakShard,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
} from '../helpers/with-broker.js';

const MESSAGES = 60;
const CRASHES = 3;
const TIMEOUT_MS = 120_000;

/** Runs `body` with a broker; `restart` stops it and starts another one with what it has left. */
class Stage {
  readonly logger = new RecordingLogger();
  broker: RunningBroker;

  private constructor(
    broker: RunningBroker,
    private readonly directory: string,
    private readonly shards: number,
  ) {
    this.broker = broker;
  }

  static async with(
    t: ExecutionContext,
    shards: number,
    body: (stage: Stage) => Promise<void>,
  ): Promise<void> {
    t.timeout(TIMEOUT_MS);
    const directory = tempDirectory();
    const stage = new Stage(await start(directory, shards, new RecordingLogger()), directory, shards);
    try {
      await body(stage);
    } finally {
      await stage.broker.stop();
    }
  }

  async restart(): Promise<void> {
    await this.broker.stop();
    this.broker = await start(this.directory, this.shards, this.logger);
  }

  /** A client of that shard, in MQTT 5 and with a session that stays. */
  async connect(
    shard: number,
    name: string,
    options: Omit<ConnectOptions, 'version'> = PERSISTENT,
  ): Promise<RawClient> {
    const client = await RawClient.open(addressOf(this.broker), 5);
    await client.connect({ ...options, clientId: clientIdOn(this.broker, shard, name) });
    return client;
  }

  /** Ends a shard's thread; resolves when its clients know. */
  async crash(shard: number, witness: RawClient): Promise<void> {
    await breakShard(this.broker, shard, 'throw');
    for (;;) if ((await witness.next()) === null) return;
  }
}

function start(directory: string, shards: number, logger: RecordingLogger): Promise<RunningBroker> {
  return startTestBroker({ logger, config: { 'node.shards': shards } }, directory);
}

/** All that comes to `client`, acknowledged, until `isEnough`. */
async function collect(
  client: RawClient,
  isEnough: (found: readonly Received[]) => boolean,
): Promise<Received[]> {
  const found: Received[] = [];
  let released = 0;
  while (!isEnough(found) || released > 0) {
    const packet = await client.next();
    if (packet === null) throw new Error('the connection was closed');
    if (packet.type === 'publish') {
      found.push(packet);
      if (packet.qos > 0) client.sendAck(packet.qos === 1 ? 'puback' : 'pubrec', packet.id);
      if (packet.qos === 2) released++;
    } else if (packet.type === 'pubrel') {
      client.sendAck('pubcomp', packet.id);
      released--;
    }
  }
  return found;
}

const numbersOf = (found: readonly Received[], qos: number): number[] =>
  found.filter((each) => each.qos === qos).map(({ payload }) => Number(payload));

const upTo = (count: number): number[] => [...Array(count).keys()];

for (const shards of [2, 3]) {
  test.serial(
    `${shards} shards: what is published while a subscriber's shard is dead is acknowledged, and arrives`,
    (t) =>
      Stage.with(t, shards, async (stage) => {
        const publisher = await stage.connect(0, 'publisher');
        const subscriber = await stage.connect(1, 'subscriber');
        await subscriber.subscribe([['t/#', 2]]);
        await stage.crash(1, subscriber);
        for (let n = 0; n < MESSAGES; n++) {
          for (const qos of [1, 2]) await publisher.publish({ topic: `t/${qos}`, payload: `${n}`, qos });
        }
        const back = await stage.connect(1, 'subscriber');
        t.true(back.connack!.sessionPresent);
        const found = await collect(back, (each) => each.length === 2 * MESSAGES);
        for (const qos of [1, 2]) t.deepEqual(numbersOf(found, qos), upTo(MESSAGES));
      }),
  );
}

test.serial('what waits for a dead shard waits on when the broker is stopped and started', (t) =>
  Stage.with(t, 2, async (stage) => {
    const publisher = await stage.connect(0, 'publisher');
    const subscriber = await stage.connect(1, 'subscriber');
    await subscriber.subscribe([['t', 2]]);
    await stage.crash(1, subscriber);
    for (let n = 0; n < MESSAGES; n++) await publisher.publish({ topic: 't', payload: `${n}`, qos: 2 });
    await stage.restart();
    const back = await stage.connect(1, 'subscriber');
    const found = await collect(back, (each) => each.length === MESSAGES);
    t.deepEqual(numbersOf(found, 2), upTo(MESSAGES));
  }),
);

for (const crashed of [0, 1]) {
  const who = crashed === 0 ? 'publisher' : 'subscriber';
  test.serial(`the shard of the ${who} dies again and again in the middle of QoS 1 and 2`, (t) =>
    Stage.with(t, 3, async (stage) => {
      const flow = new Flow(stage, MESSAGES * CRASHES);
      await flow.open();
      const subscriber = flow.receive();
      for (let crash = 1; crash <= CRASHES; crash++) {
        await until(() => flow.acknowledged >= crash * MESSAGES, 'acknowledgements');
        await breakShard(stage.broker, crashed, 'throw');
      }
      await flow.published;
      const found = await subscriber;
      const once = [...new Set(numbersOf(found, 1))];
      t.deepEqual(once, upTo(flow.count), 'in order, but for what comes again');
      t.deepEqual(numbersOf(found, 2), upTo(flow.count), 'exactly once');
    }),
  );
}

test.serial('what is retained while the owners of its topics are dead is there when they are back', (t) =>
  Stage.with(t, 3, async (stage) => {
    const publisher = await stage.connect(0, 'publisher');
    const witnesses = [await stage.connect(1, 'witness'), await stage.connect(2, 'witness')];
    await Promise.all(witnesses.map((witness, i) => stage.crash(i + 1, witness)));
    for (let n = 0; n < MESSAGES; n++) {
      await publisher.publish({ topic: `r/${n}`, payload: `${n}`, qos: 1 + (n % 2), retain: true });
    }
    const subscriber = await stage.connect(1, 'subscriber');
    // Both are back once clients of both are served.
    await stage.connect(2, 'other');
    await subscriber.subscribe([['r/#', 1]]);
    const found = await collect(subscriber, (each) => each.length === MESSAGES);
    t.deepEqual(
      numbersOf(found, 1).toSorted((a, b) => a - b),
      upTo(MESSAGES),
    );
  }),
);

test.serial('a group whose only members belong to a dead shard gets its messages when it is back', (t) =>
  Stage.with(t, 2, async (stage) => {
    const publisher = await stage.connect(0, 'publisher');
    const members = [await stage.connect(1, 'first'), await stage.connect(1, 'second')];
    for (const member of members) await member.subscribe([['$share/g/t', 1]]);
    await stage.crash(1, members[0]!);
    for (let n = 0; n < MESSAGES; n++) await publisher.publish({ topic: 't', payload: `${n}`, qos: 1 });
    const found: Received[] = [];
    for (const name of ['first', 'second']) {
      const back = await stage.connect(1, name);
      found.push(...(await back.collectFrom(publisher)));
    }
    t.deepEqual(
      numbersOf(found, 1).toSorted((a, b) => a - b),
      upTo(MESSAGES),
    );
  }),
);

/** One publisher on shard 0 and one subscriber on shard 1, who come back whenever their connections end. */
class Flow {
  acknowledged = 0;
  published: Promise<void> = Promise.resolve();
  private tried = -1;
  private isAcked = false;
  private isReceived = false;
  private isCompleted = false;

  constructor(
    private readonly stage: Stage,
    readonly count: number,
  ) {}

  async open(): Promise<void> {
    const subscriber = await this.stage.connect(1, 'subscriber');
    await subscriber.subscribe([['t/#', 2]]);
    subscriber.drop();
    this.published = this.publish();
  }

  /** @returns all that has come, when the last of both has */
  async receive(): Promise<Received[]> {
    const found: Received[] = [];
    const last = String(this.count - 1);
    const hasLast = (qos: number): boolean => found.some((each) => each.qos === qos && each.payload === last);
    const open = new Set<number>();
    while (!hasLast(1) || !hasLast(2) || open.size > 0) {
      const client = await this.comeBack(1, 'subscriber');
      for (;;) {
        const packet = await client.next();
        if (packet === null) break;
        if (packet.type === 'pubrel') {
          open.delete(packet.id);
          client.sendAck('pubcomp', packet.id);
        } else if (packet.type === 'publish') {
          // With QoS 2 what comes again before PUBREL is the same message.
          if (packet.qos === 1 || !open.has(packet.id)) found.push(packet);
          if (packet.qos === 2) open.add(packet.id);
          client.sendAck(packet.qos === 1 ? 'puback' : 'pubrec', packet.id);
        }
        if (hasLast(1) && hasLast(2) && open.size === 0) break;
      }
      client.drop();
    }
    return found;
  }

  /** However often the shard dies before CONNACK. */
  private async comeBack(shard: number, name: string): Promise<RawClient> {
    for (;;) {
      try {
        return await this.stage.connect(shard, name);
      } catch (error) {
        if (!/connection was closed/.test(String(error))) throw error;
      }
    }
  }

  // Two messages under way at most: one of each QoS, with the same number.
  private async publish(): Promise<void> {
    let client: RawClient | null = null;
    for (let n = 0; n < this.count; ) {
      client ??= await this.comeBack(0, 'publisher');
      if (await this.exchange(client, n)) {
        n++;
        this.acknowledged = n;
      } else client = null;
    }
  }

  // @returns false when the connection has ended first.
  private async exchange(client: RawClient, n: number): Promise<boolean> {
    const [first, second] = [2 * n + 1, 2 * n + 2].map((id) => (id % 65_535) + 1) as [number, number];
    const isAgain = this.tried === n;
    this.tried = n;
    if (!this.isAcked) client.sendPublish({ topic: 't/1', payload: `${n}`, qos: 1, id: first, dup: isAgain });
    if (this.isReceived) client.sendAck('pubrel', second);
    else client.sendPublish({ topic: 't/2', payload: `${n}`, qos: 2, id: second, dup: isAgain });
    while (!this.isAcked || !this.isCompleted) {
      const packet = await client.next();
      if (packet === null) return false;
      if (packet.type === 'puback') this.isAcked = true;
      else if (packet.type === 'pubrec') {
        this.isReceived = true;
        client.sendAck('pubrel', second);
      } else if (packet.type === 'pubcomp') this.isCompleted = true;
    }
    this.isAcked = this.isReceived = this.isCompleted = false;
    return true;
  }
}
