/**
 * Clients that come and go in every way, over every transport: neither descriptors nor memory, sessions, relays or
 * deadlines are left of them. SHARDMQ_CYCLES sets how many of each kind there are.
 */
import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Carrier } from '../helpers/carrier.js';
import { connect } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { EDGE_TRANSPORTS, isEdgeTransport, openCarrier } from '../helpers/transports.js';
import { onEveryShard } from '../helpers/with-broker.js';
import { COMBINATIONS, nameOf, shardFor } from '../transports/bench.js';
import { clientHello, UPGRADE } from './attacker.js';
import { Siege } from './siege.js';

const CYCLES = Number(process.env['SHARDMQ_CYCLES'] ?? 120);
/** At a time. */
const TOGETHER = 20;
/** Whoever nobody takes over from leaves after this time. */
const STAY_MS = 30;
/** What the heaps of both shards may grow by in one test, garbage that is not collected yet included. */
const HEAP_BYTES_MAX = 80 << 20;

let siege: Siege;
let hello: Buffer;

test.before(async () => {
  hello = await clientHello();
  siege = await Siege.start();
});

test.after.always('nobody has noticed any of it, and nothing is left', (t) => siege?.end(t));

async function heapBytes(): Promise<number> {
  const { broker } = siege;
  const all = await onEveryShard(broker, (shard) => broker.request(shard, 'shard.figures', null));
  return all.reduce((sum, { heapUsedBytes }) => sum + heapUsedBytes, 0);
}

/** Does it CYCLES times, some of them together. */
async function cycle(once: (n: number) => Promise<void>): Promise<number> {
  const before = await heapBytes();
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < CYCLES) await once(begun++);
  };
  await Promise.all(Array.from({ length: TOGETHER }, lane));
  await siege.over();
  return (await heapBytes()) - before;
}

const closed = (carrier: Carrier): Promise<void> =>
  new Promise((resolve) => {
    carrier.onClosed = resolve;
  });

/** Ways to leave. Each resolves when the client knows that it is out. */
const LEAVE: readonly ((client: RawClient) => Promise<void>)[] = [
  (client) => client.disconnect(),
  (client) => {
    client.carrier.end();
    return client.expectClosed();
  },
  (client) => {
    client.drop();
    return client.expectClosed();
  },
  (client) => {
    client.carrier.reset();
    return client.expectClosed();
  },
  (client) => {
    // In the middle of a packet.
    client.send([0x30, 0x7f, 0, 1, 0x61]);
    client.drop();
    return client.expectClosed();
  },
];

for (const combination of COMBINATIONS) {
  test.serial(`${nameOf(combination)}: clients that connect and leave leave nothing`, async (t) => {
    const { transport } = combination;
    const grownBytes = await cycle(async (n) => {
      const client = await siege.bench.connect({
        transport,
        shard: shardFor(combination),
        version: n % 2 ? 4 : 5,
      });
      if (n % 3 === 0) await client.subscribe([[`left/${n}`, 1]]);
      await LEAVE[n % LEAVE.length]!(client);
    });
    t.log(`the heaps have grown by ${(grownBytes / (1 << 20)).toFixed(1)} MiB`);
    t.true(grownBytes < HEAP_BYTES_MAX, `${grownBytes} bytes`);
  });

  test.serial(`${nameOf(combination)}: clients that take over from each other leave nothing`, async (t) => {
    const { transport } = combination;
    const clientIds = [0, 1, 2].map(() => siege.bench.clientId(shardFor(combination)));
    const grownBytes = await cycle(async (n) => {
      const client = await siege.bench.open(transport, 5);
      // Whoever comes next takes over, perhaps before this one has its answer.
      client.send(connect({ version: 5, clientId: clientIds[n % clientIds.length]!, keepAlive: 60 }));
      const leave = setTimeout(() => client.drop(), STAY_MS);
      while ((await client.next()) !== null);
      clearTimeout(leave);
    });
    t.log(`the heaps have grown by ${(grownBytes / (1 << 20)).toFixed(1)} MiB`);
    t.true(grownBytes < HEAP_BYTES_MAX, `${grownBytes} bytes`);
  });
}

for (const transport of EDGE_TRANSPORTS) {
  test.serial(`${transport}: what is broken off or wrong at any stage leaves nothing`, async (t) => {
    const noise = randomBytes(500);
    const stages: readonly (() => Promise<void>)[] = [
      // Below TLS, or in place of the request.
      ...[hello, Buffer.concat([hello, noise]), noise, UPGRADE, UPGRADE.subarray(0, 60)].map(
        (bytes) => async () => {
          const attacker = await siege.attack(transport);
          attacker.send(bytes);
          await new Promise(setImmediate);
          attacker.drop();
          await attacker.closed();
        },
      ),
      // In place of the CONNECT, and half of one.
      ...[
        noise,
        Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f),
        connect({ version: 4, clientId: 'x' }).subarray(0, -1),
      ].map((bytes) => async () => {
        const carrier = await openCarrier(siege.broker, transport);
        const gone = closed(carrier);
        carrier.write(bytes);
        await new Promise(setImmediate);
        carrier.drop();
        await gone;
      }),
    ];
    const grownBytes = await cycle((n) => stages[n % stages.length]!());
    t.log(`the heaps have grown by ${(grownBytes / (1 << 20)).toFixed(1)} MiB`);
    t.true(isEdgeTransport(transport) && grownBytes < HEAP_BYTES_MAX, `${grownBytes} bytes`);
  });
}
