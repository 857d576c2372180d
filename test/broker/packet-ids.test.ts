/** Packet identifiers: none is ever in use twice, also when nearly all are. */
import { PERSISTENT } from '../helpers/packets.js';
import { scenesWith } from './stage.js';

const IDS = 65_535;
const scene = scenesWith({ 'mqtt.session.max_inflight': IDS, 'mqtt.mqueue.max_length': 100 }, 2);

scene.once(
  '65,535 messages are in flight with as many identifiers, and the next waits for a free one',
  async (t, s) => {
    const topic = s.topic('a');
    const subscriber = await s.connect(PERSISTENT);
    await subscriber.subscribe([[topic, 1]]);
    const publisher = await s.connect({ at: 1, version: 4 });
    const batch = 1_000;
    for (let sent = 0; sent < IDS + 2; sent += batch) {
      const count = Math.min(batch, IDS + 2 - sent);
      for (let n = 0; n < count; n += 1)
        publisher.sendPublish({ topic, payload: `${sent + n}`, qos: 1, id: n + 1 });
      await publisher.finishPublishing(1, count);
    }
    const ids = new Set<number>();
    const order: number[] = [];
    for (let n = 0; n < IDS; n += 1) {
      const { id, payload } = await subscriber.expectPublish();
      if (payload !== String(n)) t.fail(`${payload} instead of ${n}`);
      ids.add(id);
      order.push(id);
    }
    t.is(ids.size, IDS);
    await subscriber.expectSilence();
    subscriber.sendAck('puback', order[40_000]!);
    t.is((await subscriber.expectPublish(String(IDS))).id, order[40_000]!);
    await subscriber.expectSilence();
    subscriber.sendAck('puback', order[3]!);
    t.is((await subscriber.expectPublish(String(IDS + 1))).id, order[3]!);
  },
);
