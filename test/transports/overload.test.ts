/** An overloaded shard gets no new clients from its peers either, and opens no connections for them. */
import test from 'ava';
import { connect } from '../helpers/packets.js';
import { breakShard, RecordingLogger, until } from '../helpers/with-broker.js';
import { EDGE, TransportBench } from './bench.js';

const OTHER = 1;
const CONFIG = { 'overload.loop_delay': '250ms', 'overload.wait': '1s' };

async function withBusyShard(
  shard: number,
  settings: typeof CONFIG,
  body: (bench: TransportBench, relieved: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const logger = new RecordingLogger();
  const bench = await TransportBench.start(settings, logger);
  try {
    await breakShard(bench.broker, shard, 'busy');
    await until(() => logger.has('warn', new RegExp(`shard ${shard} is overloaded`)), 'the overload');
    await body(bench, () =>
      until(() => logger.has('info', new RegExp(`shard ${shard} is no longer overloaded`)), 'its relief'),
    );
  } finally {
    await bench.stop();
  }
}

test.serial('whose owner is overloaded waits at the edge, and is refused', async (t) => {
  await withBusyShard(OTHER, CONFIG, async (bench, relieved) => {
    const refused = await bench.open('ws', 4);
    refused.send(connect({ version: 4, clientId: bench.clientId(OTHER) }));
    await bench.connect({ transport: 'ws', shard: EDGE });
    await refused.expectClosed();
    await until(() => bench.listener('ws').shutdownCount()['overloaded'] === 1, 'its reason');
    await relieved();
    await bench.connect({ transport: 'ws', shard: OTHER });
    t.deepEqual(bench.listener('ws').shutdownCount(), { overloaded: 1 });
  });
});

test.serial('with patience, it is served when the overload is over', async (t) => {
  await withBusyShard(OTHER, { ...CONFIG, 'overload.wait': '20s' }, async (bench, relieved) => {
    await Promise.all(Array.from({ length: 5 }, () => bench.connect({ transport: 'wss', shard: OTHER })));
    await relieved();
    t.deepEqual(bench.listener('wss').shutdownCount(), {});
  });
});

test.serial('an overloaded shard is no edge, however few connections it has', async (t) => {
  await withBusyShard(EDGE, CONFIG, async (bench) => {
    await bench.connect({ transport: 'ssl', shard: OTHER });
    await bench.connect({ transport: 'ws', shard: OTHER });
    t.true(
      bench.broker.alarms().some(({ id }) => id === `overload.${EDGE}`),
      'it still is',
    );
  });
});
