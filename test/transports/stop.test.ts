/** The broker stops: every client hears of it, over whatever it is connected. */
import test from 'ava';
import { WebSocketCarrier } from '../helpers/carrier.js';
import { COMBINATIONS, nameOf, shardFor, TransportBench } from './bench.js';

test('every client is told that the broker stops, then closed', async (t) => {
  const bench = await TransportBench.start();
  try {
    const clients = await Promise.all(
      COMBINATIONS.flatMap((combination) =>
        [1, 2, 3].map(async () => {
          const { transport } = combination;
          const client = await bench.connect({ transport, shard: shardFor(combination) });
          return { name: nameOf(combination), client };
        }),
      ),
    );
    const stopped = bench.broker.stop();
    for (const { name, client } of clients) {
      await t.notThrowsAsync(client.expectEnd(0x8b), name);
      if (client.carrier instanceof WebSocketCarrier) t.is(client.carrier.closeCode, 1000, name);
    }
    await stopped;
    for (const figures of bench.broker.listenerFigures()) t.is(figures.current, 0);
  } finally {
    await bench.stop();
  }
});
