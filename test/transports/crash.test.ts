/** The edge shard or the owner of relayed clients ends under load: who depended on it is closed, and nobody else. */
import test from 'ava';
import type { Fault } from '../../workers/faults.js';
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { EDGE_TRANSPORTS, type Transport } from '../helpers/transports.js';
import { breakShard, RecordingLogger, until } from '../helpers/with-broker.js';
import { Flow } from '../robustness/flow.js';
import { EDGE, TransportBench } from './bench.js';

const OWNER = 1;
const OTHER = 2;

async function withShards(
  body: (bench: TransportBench, logger: RecordingLogger) => Promise<void>,
): Promise<void> {
  const logger = new RecordingLogger();
  const bench = await TransportBench.start({ 'node.shards': 3, 'shard.silence_timeout': '2s' }, logger);
  try {
    await body(bench, logger);
  } finally {
    await bench.stop();
  }
}

/** A client over each transport that has an edge, all of this owner; each has a will on its own topic. */
function relayed(bench: TransportBench, shard: number): Promise<RawClient[]> {
  return Promise.all(
    EDGE_TRANSPORTS.map((transport) =>
      bench.connect({
        transport,
        shard,
        ...PERSISTENT,
        will: { topic: `will/${transport}`, payload: transport, qos: 1 },
      }),
    ),
  );
}

async function allClosed(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) await client.expectClosed();
}

const crashed = (bench: TransportBench, transport: Transport): number =>
  bench.listener(transport).shutdownCount()['shard_crashed'] ?? 0;

/** Messages between two clients over TLS and WebSocket, one of which is relayed. */
function flowAmong(bench: TransportBench, from: number, to: number): Promise<Flow> {
  const clients = {
    connect: (shard: number, version: 3 | 4 | 5) =>
      bench.connect({ transport: shard === from ? 'wss' : 'ssl', shard, version }),
  };
  return Flow.start(clients, { from, to, qos: 2 });
}

for (const fault of ['throw', 'hang'] satisfies Fault[]) {
  test.serial(
    `the owner ends (${fault}): its relayed clients are closed, others at the same edge go on`,
    async (t) => {
      await withShards(async (bench, logger) => {
        const victims = await relayed(bench, OWNER);
        const witnesses = [...(await relayed(bench, EDGE)), ...(await relayed(bench, OTHER))];
        const flow = await flowAmong(bench, EDGE, OTHER);
        await breakShard(bench.broker, OWNER, fault);
        await allClosed(victims);
        await until(() => logger.has('error', /shard 1 has ended/), 'its end', 30_000);
        for (const transport of EDGE_TRANSPORTS) {
          await until(
            () => crashed(bench, transport) === 1,
            `one ${transport} client to be counted as closed`,
          );
        }
        await flow.goesOn();
        for (const witness of witnesses) await witness.expectSilence();
        // Whoever comes now waits for the restart. Its session was lost with the shard.
        const back = await relayed(bench, OWNER);
        for (const client of back) {
          await client.expectSilence();
          t.true(await bench.isConnected(client.clientId));
        }
        await flow.goesOn();
        t.deepEqual(await flow.stop(), []);
      });
    },
  );

  test.serial(
    `the edge ends (${fault}): its clients are closed, and their sessions go on where they are`,
    async (t) => {
      await withShards(async (bench, logger) => {
        const watcher = await bench.connect({ shard: OTHER });
        await watcher.subscribe([['will/#', 1]]);
        const victims = await relayed(bench, OWNER);
        const local = await relayed(bench, EDGE);
        const clients = { connect: (shard: number, version: 3 | 4 | 5) => bench.connect({ shard, version }) };
        const flow = await Flow.start(clients, { from: OWNER, to: OTHER, qos: 2 });
        await breakShard(bench.broker, EDGE, fault);
        await allClosed([...victims, ...local]);
        await until(() => logger.has('error', /shard 0 has ended/), 'its end', 30_000);
        const wills = (await watcher.receiveAll(EDGE_TRANSPORTS.length)).map(({ payload }) => payload);
        t.deepEqual(
          wills.sort(),
          [...EDGE_TRANSPORTS].sort(),
          'one will of each session that is still there',
        );
        for (const transport of EDGE_TRANSPORTS) {
          await until(() => crashed(bench, transport) === 2, `${transport} clients to be counted as closed`);
          t.is(bench.connections(transport), 0);
        }
        await flow.goesOn();
        // Another shard is the edge by now, or this one again.
        for (const [n, transport] of EDGE_TRANSPORTS.entries()) {
          const clientId = victims[n]!.clientId;
          const back = await bench.connect({ transport, clientId, ...PERSISTENT });
          t.true(back.connack?.sessionPresent, transport);
          t.true(await bench.isConnected(clientId));
        }
        for (const client of await relayed(bench, EDGE)) await client.expectSilence();
        await watcher.expectSilence();
        await flow.goesOn();
        t.deepEqual(await flow.stop(), []);
      });
    },
  );
}
