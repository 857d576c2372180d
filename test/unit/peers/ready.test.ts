import test from 'ava';
import { withWorld } from './world.js';

test('every shard tells each other when it takes clients, those too that come back', async (t) => {
  await withWorld(3, async (world) => {
    for (const { id, peerNews } of world.nodes) {
      const others = [0, 1, 2].filter((other) => other !== id);
      t.deepEqual(
        peerNews.toSorted(),
        others.map((other) => `${other} ready`),
      );
    }
    world.kill(2);
    await world.settle(4);
    world.restart(2);
    await world.settle(8);
    t.deepEqual(world.node(0).peerNews.slice(2), ['2 lost', '2 ready']);
    t.deepEqual(world.node(2).peerNews.toSorted(), ['0 ready', '1 ready']);
  });
});
