/** Acknowledgements when the store cannot keep what they promise. */
import { PERSISTENT } from '../helpers/packets.js';
import { whileTimePasses } from '../helpers/with-broker.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({}, { store: new URL('./failing-store.js', import.meta.url).href });

rule(
  'v3 MQTT-4.8.0-2 v5 MQTT-4.3.2-4 MQTT-4.3.3-8: a message for a lasting session that cannot be made safe is never acknowledged as taken',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    for (const [qos, answer] of [
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const) {
      const publisher = await b.connect();
      publisher.sendPublish({ topic: b.topic('a'), qos, id: 1 });
      const turnClock = () => b.advanceClock(1);
      if (b.version === 5) t.is((await whileTimePasses(publisher.expect(answer), turnClock)).code, 0x97);
      else await whileTimePasses(publisher.expectClosed(), turnClock);
    }
  },
);

rule(
  'v3 MQTT-3.3.4-1 v5 MQTT-3.3.4-1: what no lasting session wants is acknowledged without the store',
  async (_t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'm', qos: 1 });
    await subscriber.receive('m');
  },
);
