/** Rules about messages whose shape depends on what client and broker have told each other in CONNECT. */
import { publish } from '../helpers/packets.js';
import type { Rules } from './room.js';

export const MESSAGE_RULES: Rules = {
  'a retained message comes to who subscribes later, until it is removed': async (t, room) => {
    const partner = await room.partner();
    const client = await room.client();
    for (const [writer, reader] of [
      [partner, client],
      [client, partner],
    ] as const) {
      await writer.publish({ topic: room.topic, payload: 'kept', qos: 1, retain: true });
      await reader.subscribe([[room.topic, 1]]);
      t.true((await reader.receive('kept')).retain);
      await reader.unsubscribe(room.topic);
      await writer.publish({ topic: room.topic, payload: '', qos: 1, retain: true });
      await reader.expectNothingFrom(writer);
      await reader.subscribe([[room.topic, 1]]);
      await reader.expectNothingFrom(writer);
      await reader.unsubscribe(room.topic);
    }
  },

  'a client gets no packet larger than it takes': async (_t, room) => {
    const client = await room.client({ properties: { maximumPacketSize: 200 } });
    const partner = await room.partner();
    await client.subscribe([[room.topic, 1]]);
    for (const length of [10, 500, 20]) {
      await partner.publish({ topic: room.topic, payload: 'x'.repeat(length), qos: 1 });
    }
    await client.receive('x'.repeat(10));
    await client.receive('x'.repeat(20));
  },

  'topic aliases hold on this connection, in and out': async (t, room) => {
    const client = await room.client({ properties: { topicAliasMaximum: 5 } });
    const partner = await room.partner();
    await partner.subscribe([[`${room.topic}/out`, 0]]);
    t.true((client.connack?.properties.topicAliasMaximum ?? 0) > 0);
    client.sendPublish({ topic: `${room.topic}/out`, payload: '1', properties: { topicAlias: 1 } });
    client.sendPublish({ topic: '', payload: '2', properties: { topicAlias: 1 } });
    await partner.expectPublish('1');
    t.is((await partner.expectPublish('2')).topic, `${room.topic}/out`);
    await client.subscribe([[`${room.topic}/in`, 0]]);
    const topics: string[] = [];
    for (const payload of ['1', '2']) {
      partner.sendPublish({ topic: `${room.topic}/in`, payload });
      const { topic, properties } = await client.expectPublish(payload);
      const named = topic === '' ? topics[properties.topicAlias!] : topic;
      if (properties.topicAlias !== undefined) topics[properties.topicAlias] = named!;
      t.is(named, `${room.topic}/in`);
    }
  },

  'no more messages are under way than the client takes at a time': async (t, room) => {
    const client = await room.client({ properties: { receiveMaximum: 2 } });
    const partner = await room.partner();
    await client.subscribe([[room.topic, 1]]);
    for (const payload of ['1', '2', '3']) await partner.publish({ topic: room.topic, payload, qos: 1 });
    const first = await client.expectPublish('1');
    await client.expectPublish('2');
    await client.expectSilence();
    client.sendAck('puback', first.id);
    await client.expectPublish('3');
    t.pass();
  },

  'members of a shared subscription over two transports get each message once between them': async (
    t,
    room,
  ) => {
    const members = [await room.client(), await room.partner()];
    for (const member of members) await member.subscribe([[`$share/group/${room.topic}`, 1]]);
    const publisher = await room.partner();
    const count = 20;
    for (let n = 0; n < count; n++) await publisher.publish({ topic: room.topic, payload: `${n}`, qos: 1 });
    const got = await Promise.all(members.map((member) => member.collectFrom(publisher)));
    const payloads = got.flatMap((messages) => messages.map(({ payload }) => Number(payload)));
    t.deepEqual(
      payloads.sort((a, b) => a - b),
      Array.from({ length: count }, (_, n) => n),
    );
  },

  'properties of a message arrive as they were sent': async (t, room) => {
    const client = await room.client();
    const partner = await room.partner();
    await partner.subscribe([[room.topic, 1]]);
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: [
        ['a', '1'],
        ['b', '2'],
        ['a', '3'],
      ] as [string, string][],
    };
    client.send(publish(5, { topic: room.topic, payload: 'x', qos: 1, id: 1, properties }));
    t.deepEqual((await partner.receive('x')).properties, properties);
    await client.expect('puback');
  },
};
