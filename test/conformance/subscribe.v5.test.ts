/** SUBSCRIBE of 5: options and subscription identifiers. */
import { NO_LOCAL, RETAIN_AS_PUBLISHED, retainHandling, subscribe } from '../helpers/packets.js';
import { property } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule('v5 MQTT-3.8.3-3: with no local a client does not get what it published, others do', async (_t, b) => {
  const client = await b.connect();
  const other = await b.connect();
  await client.subscribe([[b.topic('a'), 1 | NO_LOCAL]]);
  await other.subscribe([[b.topic('a'), 1]]);
  await client.publish({ topic: b.topic('a'), payload: 'own', qos: 1 });
  await other.receive('own');
  await client.expectNothingFrom(client);
  await other.publish({ topic: b.topic('a'), payload: 'foreign', qos: 0 });
  await client.receive('foreign');
});

rule('v5 MQTT-3.8.3-4: no local on a shared subscription is a protocol error', async (_t, b) => {
  const client = await b.connect();
  client.send(subscribe(5, 1, [[`$share/g/${b.topic('a')}`, NO_LOCAL]]));
  await client.expectEnd(0x82);
});

rule(
  'v5 MQTT-3.8.3-5 MQTT-4.13.1-1: retain handling 3 and subscription identifier 0 are protocol errors',
  async (_t, b) => {
    const handling = await b.connect();
    handling.send(subscribe(5, 1, [[b.topic('a'), retainHandling(3)]]));
    await handling.expectEnd(0x82);
    const twice = Buffer.concat([
      property('subscriptionIdentifiers', [1]),
      property('subscriptionIdentifiers', [2]),
    ]);
    for (const given of [{ subscriptionIdentifiers: [0] }, twice]) {
      const client = await b.connect();
      client.send(subscribe(5, 1, [[b.topic('a'), 0]], given));
      await client.expectEnd(0x82);
    }
  },
);

rule(
  'v5 MQTT-3.3.1-9 MQTT-3.8.4-4: retain handling 0 sends retained messages at every subscribe',
  async (t, b) => {
    const client = await b.connect();
    await client.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
    for (let round = 0; round < 2; round += 1) {
      await client.subscribe([[b.topic('a'), retainHandling(0)]]);
      t.true((await client.receive('kept')).retain);
    }
  },
);

rule(
  'v5 MQTT-3.3.1-10: retain handling 1 sends retained messages only for a new subscription',
  async (_t, b) => {
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
    const client = await b.connect();
    await client.subscribe([[b.topic('a'), retainHandling(1)]]);
    await client.receive('kept');
    await client.subscribe([[b.topic('a'), 1 | retainHandling(1)]]);
    await client.expectNothingFrom(publisher);
    await client.unsubscribe(b.topic('a'));
    await client.subscribe([[b.topic('a'), retainHandling(1)]]);
    await client.receive('kept');
  },
);

rule('v5 MQTT-3.3.1-11: retain handling 2 sends no retained messages', async (_t, b) => {
  const publisher = await b.connect();
  await publisher.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
  const client = await b.connect();
  await client.subscribe([[b.topic('a'), retainHandling(2)]]);
  await client.expectNothingFrom(publisher);
  publisher.sendPublish({ topic: b.topic('a'), payload: 'live', retain: true });
  await client.receive('live');
});

rule(
  'v5 MQTT-3.3.1-12 MQTT-3.3.1-13: retain as published decides whether RETAIN is passed on',
  async (t, b) => {
    const cleared = await b.connect();
    const passed = await b.connect();
    await cleared.subscribe([[b.topic('a'), 2]]);
    await passed.subscribe([[b.topic('a'), 2 | RETAIN_AS_PUBLISHED]]);
    const publisher = await b.connect();
    for (const qos of [0, 1, 2]) {
      for (const retain of [false, true]) {
        await publisher.publish({ topic: b.topic('a'), payload: `${qos}${retain}`, qos, retain });
        t.false((await cleared.receive(`${qos}${retain}`)).retain);
        t.is((await passed.receive(`${qos}${retain}`)).retain, retain);
      }
    }
  },
);

rule(
  'v5 MQTT-3.3.1-9 MQTT-3.3.1-12: retained messages sent at subscribe have RETAIN 1 also with retain as published 0',
  async (t, b) => {
    const client = await b.connect();
    await client.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
    await client.subscribe([[b.topic('a'), 1]]);
    t.true((await client.receive('kept')).retain);
  },
);

rule(
  'v5 MQTT-3.3.4-3 MQTT-3.3.4-4 MQTT-3.3.4-5: the one copy has the identifiers of all subscriptions that match',
  async (t, b) => {
    const client = await b.connect();
    await client.subscribe([[b.topic('a/b'), 0]], { subscriptionIdentifiers: [7] });
    await client.subscribe([[b.topic('+/b'), 1]], { subscriptionIdentifiers: [300] });
    await client.subscribe([[b.topic('a/#'), 2]]);
    await client.subscribe([[b.topic('other'), 2]], { subscriptionIdentifiers: [9] });
    const publisher = await b.connect();
    for (const qos of [0, 1, 2]) {
      await publisher.publish({ topic: b.topic('a/b'), payload: 'm', qos });
      const found = await client.receive('m');
      t.is(found.qos, qos);
      t.deepEqual(
        [...(found.properties.subscriptionIdentifiers ?? [])].sort((x, y) => x - y),
        [7, 300],
      );
    }
    await publisher.publish({ topic: b.topic('a/c'), payload: 'none' });
    t.is((await client.receive('none')).properties.subscriptionIdentifiers, undefined);
    await client.expectNothingFrom(publisher);
  },
);

rule(
  'v5 MQTT-3.3.4-3: retained messages carry the identifier of the subscription that asked',
  async (t, b) => {
    const client = await b.connect();
    await client.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
    await client.subscribe([[b.topic('+'), 0]], { subscriptionIdentifiers: [5] });
    t.deepEqual((await client.receive('kept')).properties.subscriptionIdentifiers, [5]);
  },
);

rule(
  'v5 MQTT-3.3.4-3 MQTT-3.3.4-4: an identifier that several matching subscriptions share is sent for each',
  async (t, b) => {
    const client = await b.connect();
    await client.subscribe(
      [
        [b.topic('a'), 0],
        [b.topic('+'), 0],
      ],
      { subscriptionIdentifiers: [5] },
    );
    client.sendPublish({ topic: b.topic('a'), payload: 'm' });
    t.deepEqual((await client.expectPublish('m')).properties.subscriptionIdentifiers, [5, 5]);
  },
);

rule('v5 MQTT-3.8.4-3: subscribing again replaces options and identifier', async (t, b) => {
  const client = await b.connect();
  const publisher = await b.connect();
  await client.subscribe([[b.topic('a'), 0 | RETAIN_AS_PUBLISHED]], { subscriptionIdentifiers: [1] });
  await client.subscribe([[b.topic('a'), 1]], { subscriptionIdentifiers: [2] });
  await publisher.publish({ topic: b.topic('a'), payload: 'x', qos: 1 });
  const second = await client.receive('x');
  t.is(second.qos, 1);
  t.deepEqual(second.properties.subscriptionIdentifiers, [2]);
  await client.subscribe([[b.topic('a'), 1]]);
  await publisher.publish({ topic: b.topic('a'), payload: 'y', qos: 1 });
  t.is((await client.receive('y')).properties.subscriptionIdentifiers, undefined);
});
