/** Topic names, topic filters and strings, as far as 3.1.1 and 5 agree. */
import { connect, subscribe } from '../helpers/packets.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/**
 * Neither well-formed nor allowed: a lone continuation, an overlong slash, a surrogate, above U+10FFFF, cut
 * short.
 */
const ILL_FORMED = [
  bytes(0x61, 0x80),
  bytes(0xc0, 0xaf),
  bytes(0xed, 0xa0, 0x80),
  bytes(0xf4, 0x90, 0x80, 0x80),
  bytes(0xe2, 0x82),
];

rule(
  'v3 MQTT-1.5.3-1 MQTT-3.1.3-4 MQTT-3.1.3-10 MQTT-3.1.3-11 v5 MQTT-1.5.4-1 MQTT-3.1.3-4 MQTT-3.1.3-11 MQTT-3.1.3-12: ill-formed UTF-8 in CONNECT is refused',
  async (_t, b) => {
    for (const wrong of ILL_FORMED) {
      for (const options of [{ clientId: wrong }, { will: { topic: wrong } }, { username: wrong }]) {
        const client = await b.open();
        client.send(connect({ version: b.version, clientId: b.clientId(), ...options }));
        await client.expectMalformedConnect();
      }
    }
  },
);

rule('v3 MQTT-1.5.3-2 v5 MQTT-1.5.4-2: U+0000 in CONNECT is refused', async (_t, b) => {
  for (const options of [{ clientId: 'a\0' }, { will: { topic: '\0' } }, { username: '\0u' }]) {
    const client = await b.open();
    client.send(connect({ version: b.version, clientId: b.clientId(), ...options }));
    await client.expectMalformedConnect();
  }
});

rule(
  'v3 MQTT-1.5.3-1 MQTT-3.3.2-1 v5 MQTT-1.5.4-1 MQTT-3.3.2-1: ill-formed UTF-8 in a topic name ends the connection',
  async (_t, b) => {
    for (const topic of ILL_FORMED) {
      const client = await b.connect();
      client.sendPublish({ topic });
      await client.expectEnd(0x81);
    }
  },
);

rule(
  'v3 MQTT-1.5.3-2 MQTT-4.7.3-2 v5 MQTT-1.5.4-2 MQTT-4.7.3-2: U+0000 in a topic name or filter ends the connection',
  async (_t, b) => {
    const named = await b.connect();
    named.sendPublish({ topic: 'a\0b' });
    await named.expectEnd(0x81);
    const filtered = await b.connect();
    filtered.send(subscribe(b.version, 1, [['a\0b', 0]]));
    await filtered.expectEnd(0x81);
  },
);

rule(
  'v3 MQTT-1.5.3-3 MQTT-4.7.3-4 v5 MQTT-1.5.4-3 MQTT-4.7.3-4: U+FEFF, accents and letter case are kept and told apart',
  async (t, b) => {
    const subscriber = await b.connect();
    const composed = b.topic('caf\u00e9');
    const marked = b.topic('\ufeffmark\ufeff');
    await subscriber.subscribe([
      [composed, 0],
      [marked, 0],
    ]);
    const publisher = await b.connect();
    const others = ['cafe\u0301', 'Caf\u00e9', 'mark', 'caf\u00e9 ', '\ufeffmark'];
    for (const other of others) publisher.sendPublish({ topic: b.topic(other), payload: other });
    publisher.sendPublish({ topic: composed, payload: 'composed' });
    publisher.sendPublish({ topic: marked, payload: 'marked' });
    t.is((await subscriber.expectPublish('composed')).topic, composed);
    t.is((await subscriber.expectPublish('marked')).topic, marked);
  },
);

rule('v3 MQTT-1.5.3-3 v5 MQTT-1.5.4-3: U+FEFF at the head of a ClientId counts', async (t, b) => {
  const clientId = b.clientId();
  const plain = await b.connect({ clientId });
  await b.connect({ clientId: `\ufeff${clientId}` });
  await plain.expectSilence();
  t.is(plain.clientId, clientId);
});

rule.serial(
  'v3 MQTT-4.7.1-2 MQTT-4.7.1-3 v5 MQTT-4.7.1-1 MQTT-4.7.1-2: filters with a misplaced wildcard are refused, one by one',
  async (t, b) => {
    const client = await b.connect();
    const wrong = ['a/#/b', '#/', 'a#', '#a', '##', 'a+', '+a', 'a/+b/c', '++'];
    const suback = await client.subscribe(wrong.map((filter) => [filter, 1] as const));
    t.deepEqual(
      suback.codes,
      wrong.map(() => (b.version === 5 ? 0x8f : 0x80)),
    );
    const right = ['#', 'a/#', '/#', '+', '+/+', '/+', 'a/+/b', '+/a/#', '+/#'];
    const granted = await client.subscribe(right.map((filter) => [filter, 1] as const));
    t.deepEqual(
      granted.codes,
      right.map(() => 1),
    );
  },
);

rule(
  'v3 MQTT-4.7.1-2 MQTT-4.7.1-3 v5 MQTT-4.7.1-1 MQTT-4.7.1-2: wildcards match whole levels, empty ones and parents too',
  async (_t, b) => {
    const publisher = await b.connect();
    const names = ['', '/', '/a', '/a/', '/a/b', '/b'];
    const matches: [string, string[]][] = [
      ['', ['']],
      ['/#', ['', '/', '/a', '/a/', '/a/b', '/b']],
      ['/+', ['/', '/a', '/b']],
      ['/a/#', ['/a', '/a/', '/a/b']],
      ['/+/+', ['/a/', '/a/b']],
      ['/a/+', ['/a/', '/a/b']],
      ['/+/b', ['/a/b']],
      ['/+/#', ['/', '/a', '/a/', '/a/b', '/b']],
    ];
    for (const [filter, expected] of matches) {
      const subscriber = await b.connect();
      await subscriber.subscribe(`${b.topic('t')}${filter}`);
      for (const name of names)
        publisher.sendPublish({ topic: `${b.topic('t')}${name}`, payload: `<${name}>` });
      for (const name of expected) await subscriber.expectPublish(`<${name}>`);
      await subscriber.expectNothingFrom(publisher);
      await subscriber.disconnect();
    }
  },
);

rule(
  'v3 MQTT-4.7.2-1 v5 MQTT-4.7.2-1: a leading wildcard does not match topics that begin with $',
  async (_t, b) => {
    const publisher = await b.connect();
    const name = b.topic('x');
    const wide = await b.connect();
    await wide.subscribe([[`+/${b.topic('#')}`, 0]]);
    const named = await b.connect();
    await named.subscribe(`$mine/${b.topic('#')}`);
    for (const first of ['$mine', '$', 'plain'])
      publisher.sendPublish({ topic: `${first}/${name}`, payload: first });
    await wide.expectPublish('plain');
    await wide.expectNothingFrom(publisher);
    await named.expectPublish('$mine');
    await named.expectNothingFrom(publisher);
  },
);

rule.serial('v3 MQTT-4.7.2-1 v5 MQTT-4.7.2-1: the subscription # gets nothing of $SYS', async (t, b) => {
  const wide = await b.connect();
  await wide.subscribe([
    ['#', 0],
    ['+/#', 0],
    ['+/brokers/#', 0],
  ]);
  const publisher = await b.connect();
  publisher.sendPublish({ topic: '$SYS/brokers/forged', payload: 'forged' });
  publisher.sendPublish({ topic: b.topic('end'), payload: `end ${b.topic('')}` });
  for (;;) {
    const found = await wide.expectPublish();
    t.false(found.topic.startsWith('$'));
    if (found.payload === `end ${b.topic('')}`) break;
  }
});

rule('v3 MQTT-4.7.3-1 v5 MQTT-4.7.3-1: an empty topic name or filter is refused', async (t, b) => {
  const named = await b.connect();
  named.sendPublish({ topic: '', payload: 'x' });
  await named.expectEnd(0x82);
  const filtered = await b.connect();
  if (b.version === 5) {
    t.deepEqual((await filtered.subscribe([['', 0]])).codes, [0x8f]);
  } else {
    filtered.send(subscribe(b.version, 1, [['', 0]]));
    await filtered.expectClosed();
  }
});

rule('v3 MQTT-4.7.3-3 v5 MQTT-4.7.3-3: a topic of 65,535 bytes is served', async (t, b) => {
  const topic = `${b.topic('')}${'x'.repeat(65_535)}`.slice(0, 65_535);
  const subscriber = await b.connect();
  t.deepEqual((await subscriber.subscribe([[topic, 1]])).codes, [1]);
  const publisher = await b.connect();
  await publisher.publish({ topic, payload: 'long', qos: 1 });
  t.is((await subscriber.receive('long')).topic, topic);
});
