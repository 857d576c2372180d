/**
 * A shard's thread dies: only its clients are disconnected, and those that came in through it; their sessions are
 * whole when they are back, and what was published to them meanwhile arrives.
 */
import test, { type ExecutionContext } from 'ava';
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import type { Transport } from '../helpers/transports.js';
import { breakShard, until } from '../helpers/with-broker.js';
import { EDGE, TransportBench } from '../transports/bench.js';

const TIMEOUT_MS = 60_000;
const LOT = 15;
const QOS = [1, 2] as const;
/** Of the 5 s that a client has to come back. */
const SECONDS_MORE = 6;
const DELAY = 600;

const OPTIONS = { 'node.shards': 3, 'mqtt.persistence.level': 'process' } as const;

function bound(
  body: (t: ExecutionContext, bench: TransportBench) => Promise<void>,
): (t: ExecutionContext) => Promise<void> {
  return async (t) => {
    t.timeout(TIMEOUT_MS);
    const bench = await TransportBench.start(OPTIONS);
    try {
      await body(t, bench);
    } finally {
      await bench.stop();
    }
  };
}

/** A lasting session and its client, who acknowledges all that comes. */
class Member {
  readonly found: Received[] = [];
  isClosed = false;
  isPresent = false;
  private client!: RawClient;
  /** Packet ids of messages with QoS 2 that await PUBREL: the same comes again until then. */
  private readonly open = new Set<number>();
  private readonly clientId: string;

  constructor(
    private readonly bench: TransportBench,
    readonly transport: Transport,
    readonly shard: number,
  ) {
    this.clientId = bench.clientId(shard);
  }

  get name(): string {
    return `${this.transport} to shard ${this.shard}`;
  }

  async join(): Promise<void> {
    await this.connect();
    await this.client.subscribe([
      ['c/1', 1],
      ['c/2', 2],
    ]);
    void this.read();
  }

  /** Waits for its shard to be back. */
  async comeBack(): Promise<void> {
    await this.connect();
    this.isPresent = this.client.connack!.sessionPresent;
    void this.read();
  }

  payloads(qos: number): string[] {
    return this.found.filter((each) => each.qos === qos).map(({ payload }) => payload);
  }

  private async connect(): Promise<void> {
    const { transport, clientId } = this;
    this.client = await this.bench.connect({ transport, clientId, ...PERSISTENT });
    this.isClosed = false;
  }

  private async read(): Promise<void> {
    for (;;) {
      const packet = await this.client.next();
      if (packet === null) break;
      if (packet.type === 'pubrel') {
        this.open.delete(packet.id);
        this.client.sendAck('pubcomp', packet.id);
      } else if (packet.type === 'publish') {
        if (packet.qos === 1 || !this.open.has(packet.id)) this.found.push(packet);
        if (packet.qos === 2) this.open.add(packet.id);
        this.client.sendAck(packet.qos === 1 ? 'puback' : 'pubrec', packet.id);
      }
    }
    this.isClosed = true;
  }
}

for (const victim of [EDGE, 1]) {
  const isHit = ({ transport, shard }: Member): boolean =>
    shard === victim || (victim === EDGE && transport !== 'tcp');
  const who =
    victim === EDGE ? 'its clients and those whose edge it was' : 'its clients, wherever they came in';
  test.serial(
    `shard ${victim} dies: ${who} are disconnected, and miss nothing`,
    bound(async (t, bench) => {
      const members = [
        ...[0, 1, 2].map((shard) => new Member(bench, 'tcp', shard)),
        ...(['ssl', 'ws'] as const).flatMap((transport) =>
          [0, 1, 2].map((shard) => new Member(bench, transport, shard)),
        ),
      ];
      for (const member of members) await member.join();
      const publisher = await bench.connect({ shard: 2 });
      let published = 0;
      const publish = async (): Promise<void> => {
        for (let n = 0; n < LOT; n++, published++) {
          for (const qos of QOS) await publisher.publish({ topic: `c/${qos}`, payload: `${published}`, qos });
        }
      };
      await publish();
      await breakShard(bench.broker, victim, 'throw');
      await publish();
      const hit = members.filter(isHit);
      await until(() => hit.every(({ isClosed }) => isClosed), 'the end of the connections');
      await Promise.all(hit.map((member) => member.comeBack()));
      for (const { name, isPresent } of hit) t.true(isPresent, name);
      await publish();
      const hasAll = (member: Member): boolean =>
        QOS.every((qos) => member.payloads(qos).at(-1) === `${published - 1}`);
      await until(() => members.every(hasAll), 'all messages');
      const all = Array.from({ length: published }, (_, n) => `${n}`);
      for (const member of members) {
        // In order, but for what comes again with QoS 1.
        t.deepEqual([...new Set(member.payloads(1))], all, member.name);
        t.deepEqual(member.payloads(2), all, member.name);
        t.false(member.isClosed, member.name);
      }
      const others = members.filter((member) => !isHit(member));
      for (const member of others)
        t.deepEqual(member.payloads(1), all, `${member.name} was not disconnected`);
    }),
  );
}

const willOf = (name: string, delay = 0) => ({
  will: { topic: `will/${name}`, payload: name, qos: 1, properties: { willDelay: delay } },
});

async function watch(bench: TransportBench, shard: number): Promise<RawClient> {
  const watcher = await bench.connect({ shard, ...PERSISTENT });
  await watcher.subscribe([['will/#', 1]]);
  return watcher;
}

const receive = async (watcher: RawClient, count: number): Promise<string[]> =>
  (await watcher.receiveAll(count)).map(({ payload }) => payload).sort();

test.serial(
  'wills of a dead shard come once, unless the client is back in time',
  bound(async (t, bench) => {
    const watcher = await watch(bench, 2);
    const [stays, returns, ends, restarts, waits] = Array.from({ length: 5 }, () => bench.clientId(1));
    await bench.connect({ clientId: stays!, ...PERSISTENT, ...willOf('lasting, gone') });
    await bench.connect({ clientId: returns!, ...PERSISTENT, ...willOf('lasting, back') });
    await bench.connect({ clientId: ends!, ...willOf('clean, gone') });
    await bench.connect({ clientId: restarts!, ...willOf('clean, back') });
    const delayed = await bench.connect({
      clientId: waits!,
      ...PERSISTENT,
      ...willOf('lasting, later', DELAY),
    });
    // Its SUBACK comes with a commit that has all of them.
    await delayed.subscribe([['nothing', 1]]);
    await breakShard(bench.broker, 1, 'throw');
    await delayed.expectClosed();
    const back = await bench.connect({ clientId: returns!, ...PERSISTENT, ...willOf('lasting, again') });
    t.true(back.connack!.sessionPresent);
    const anew = await bench.connect({ clientId: restarts! });
    t.false(anew.connack!.sessionPresent);
    await bench.advanceClock(SECONDS_MORE);
    t.deepEqual(await receive(watcher, 2), ['clean, gone', 'lasting, gone']);
    await bench.advanceClock(DELAY);
    t.deepEqual(await receive(watcher, 1), ['lasting, later']);
    back.drop();
    t.deepEqual(await receive(watcher, 1), ['lasting, again']);
    const late = await bench.connect({ clientId: stays!, ...PERSISTENT });
    t.true(late.connack!.sessionPresent);
    await watcher.expectSilence();
  }),
);

test.serial(
  'a will is due once, also when its shard dies again',
  bound(async (t, bench) => {
    const watcher = await watch(bench, 2);
    const clientId = bench.clientId(1);
    const mortal = await bench.connect({ clientId, ...PERSISTENT, ...willOf('once') });
    await mortal.subscribe([['nothing', 1]]);
    await breakShard(bench.broker, 1, 'throw');
    await mortal.expectClosed();
    // The shard is back when it has somebody.
    await bench.connect({ shard: 1 });
    await bench.advanceClock(SECONDS_MORE);
    t.deepEqual(await receive(watcher, 1), ['once']);
    const witness = await bench.connect({ shard: 1, ...PERSISTENT });
    await witness.subscribe([['nothing', 1]]);
    await breakShard(bench.broker, 1, 'throw');
    await witness.expectClosed();
    await bench.connect({ shard: 1 });
    await bench.advanceClock(SECONDS_MORE);
    await watcher.expectSilence();
  }),
);

test.serial(
  'wills of those whose edge was a dead shard are due as if their connections had broken',
  bound(async (t, bench) => {
    const watcher = await watch(bench, 2);
    const lasting = await bench.connect({ transport: 'ws', shard: 1, ...PERSISTENT, ...willOf('lasting') });
    const clean = await bench.connect({ transport: 'ssl', shard: 1, ...willOf('clean') });
    await breakShard(bench.broker, EDGE, 'throw');
    t.deepEqual(await receive(watcher, 2), ['clean', 'lasting']);
    await lasting.expectClosed();
    await clean.expectClosed();
  }),
);
