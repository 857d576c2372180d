/** What is a topic name, a topic filter, a subscription; what matches what. */
import test from 'ava';
import fc from 'fast-check';
import {
  checkTopicFilter,
  checkTopicName,
  filterMatches,
  parseSubscription,
  QUEUE_GROUP,
  TOPIC_BYTES_MAX,
} from '../../../src/protocol/topic.js';

const ANY = { topicBytesMax: TOPIC_BYTES_MAX, topicLevelsMax: Number.POSITIVE_INFINITY };

function isName(text: string | Uint8Array, limits = ANY): boolean {
  const bytes = Buffer.from(text);
  // With something around it, so that reading outside shows.
  const framed = Buffer.concat([Buffer.from([0]), bytes, Buffer.from([0])]);
  return checkTopicName(framed, 1, 1 + bytes.length, limits);
}

const isFilter = (text: string, limits = ANY): boolean => checkTopicFilter(text, limits);

test('[MQTT-4.7.3-1] neither topic name nor filter may be empty', (t) => {
  t.false(isName(''));
  t.false(isFilter(''));
});

test('[MQTT-3.3.2-2] a topic name has no wildcard', (t) => {
  for (const text of ['+', '#', 'a/+', 'a/#', 'a+', '#b']) t.false(isName(text), text);
  for (const text of ['/', '//', 'a b', '$SYS/x', ' ', 'ä/€/😀']) t.true(isName(text), text);
});

test('[MQTT-4.7.3-2] no U+0000, no ill-formed UTF-8', (t) => {
  t.false(isName('a\0b'));
  t.false(isName(Uint8Array.of(0x61, 0xff)));
  t.false(isName(Uint8Array.of(0xed, 0xa0, 0x80)));
  t.false(isFilter('a\0b'));
  t.false(isFilter('a/\ud800'));
  t.false(isFilter('\udc00/b'));
  t.false(isFilter('\ud800x'));
  t.true(isFilter('😀/ä/+/€'));
});

test('[MQTT-4.7.1-1] # is the last whole level or nothing', (t) => {
  for (const text of ['#', 'a/#', '/#', '+/#', '//#']) t.true(isFilter(text), text);
  for (const text of ['a#', 'a/#/b', '#/', '##', '+#', '#+', 'a/b#', '#a']) t.false(isFilter(text), text);
});

test('[MQTT-4.7.1-2] + is a whole level or nothing', (t) => {
  for (const text of ['+', '+/+', 'a/+/b', '/+', '+/']) t.true(isFilter(text), text);
  for (const text of ['a+', '+a', 'a/+b/c', '++', 'a/b+']) t.false(isFilter(text), text);
});

test('[MQTT-4.7.3-3] topic names and filters have at most 65,535 bytes, counted as UTF-8', (t) => {
  t.true(isName('x'.repeat(65_535)));
  t.false(isName('x'.repeat(65_536), { ...ANY, topicBytesMax: 100_000 }));
  t.true(isFilter('€'.repeat(21_845)));
  t.false(isFilter(`${'€'.repeat(21_845)}x`));
  t.true(isFilter('😀'.repeat(16_383)));
  t.false(isFilter('😀'.repeat(16_384)));
});

test('limits on bytes and levels hold at their edge', (t) => {
  const limits = { topicBytesMax: 5, topicLevelsMax: 3 };
  t.true(isName('a/b/c', limits));
  t.false(isName('ab/b/c', limits));
  t.false(isName('///', limits));
  t.true(isFilter('a/+/#', limits));
  t.false(isFilter('+/+/+/', { ...limits, topicBytesMax: 100 }));
  t.false(isFilter('ab/+/#', limits));
});

test('prefixes are taken off in any order', (t) => {
  const parsed = (text: string) => parseSubscription(text);
  t.deepEqual(parsed('a/b'), { filter: 'a/b', group: null, local: false });
  t.deepEqual(parsed('$share/g/a/b'), { filter: 'a/b', group: 'g', local: false });
  t.deepEqual(parsed('$share/g//a'), { filter: '/a', group: 'g', local: false });
  t.deepEqual(parsed('$queue/a'), { filter: 'a', group: QUEUE_GROUP, local: false });
  t.deepEqual(parsed('$local/a'), { filter: 'a', group: null, local: true });
  t.deepEqual(parsed('$local/$share/g/f'), { filter: 'f', group: 'g', local: true });
  t.deepEqual(parsed('$local/$queue/f'), { filter: 'f', group: QUEUE_GROUP, local: true });
  t.deepEqual(parsed('$queue/$local/f'), { filter: 'f', group: QUEUE_GROUP, local: true });
  t.deepEqual(parsed('$share/g/$local/f'), { filter: 'f', group: 'g', local: true });
  t.deepEqual(parsed('$SYS/#'), { filter: '$SYS/#', group: null, local: false });
  t.deepEqual(parsed('$shared/g/f'), { filter: '$shared/g/f', group: null, local: false });
  t.deepEqual(parsed('x/$share/g/f'), { filter: 'x/$share/g/f', group: null, local: false });
});

test('[MQTT-4.8.2-1] [MQTT-4.8.2-2] a share name is not empty and has no wildcard, and a filter follows it', (t) => {
  for (const text of [
    '$share//f',
    '$share/g',
    '$share/g/',
    '$share/',
    '$share/g+/f',
    '$share/#/f',
    '$share/+/f',
  ]) {
    t.is(parseSubscription(text), null, text);
  }
});

test('a doubled or empty prefix asks for nothing', (t) => {
  const doubled = [
    '$queue/$queue/f',
    '$local/$local/f',
    '$share/a/$share/b/f',
    '$queue/$share/g/f',
    '$share/g/$queue/f',
  ];
  for (const text of [...doubled, '$queue/', '$local/', '']) t.is(parseSubscription(text), null, text);
});

test('[MQTT-4.7.2-1] a leading wildcard does not match a topic that begins with $', (t) => {
  t.false(filterMatches('#', '$SYS/a'));
  t.false(filterMatches('+/a', '$SYS/a'));
  t.true(filterMatches('$SYS/#', '$SYS/a'));
  t.true(filterMatches('$SYS/+', '$SYS/a'));
  t.true(filterMatches('a/+', 'a/$x'));
  t.true(filterMatches('a/#', 'a/$x'));
});

test("the specification's examples of matching", (t) => {
  const yes = [
    ['sport/#', 'sport'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['#', '/'],
  ];
  const no = [
    ['sport/+', 'sport'],
    ['+', '/finance'],
    ['sport', 'Sport'],
    ['a', 'a/'],
    ['a/b', 'a'],
  ];
  for (const [filter, topic] of yes) t.true(filterMatches(filter!, topic!), `${filter} ${topic}`);
  for (const [filter, topic] of no) t.false(filterMatches(filter!, topic!), `${filter} ${topic}`);
});

test('matching is what the equivalent regular expression says', (t) => {
  const level = fc.constantFrom('', 'a', 'b', '$a');
  const levels = fc.array(level, { minLength: 1, maxLength: 5 });
  const wanted = fc.tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean());
  const property = fc.property(levels, wanted, ([...topicLevels], [filterLevels, hash]) => {
    const topic = topicLevels.join('/');
    const all = hash ? [...filterLevels, '#'] : filterLevels;
    if (topic === '' || all.length === 0) return;
    const body = filterLevels.map((text) => (text === '+' ? '[^/]*' : text.replace('$', '\\$'))).join('/');
    const end = hash ? (filterLevels.length === 0 ? '.*' : '(/.*)?') : '';
    const expected =
      new RegExp(`^${body}${end}$`).test(topic) && !(topic.startsWith('$') && /^[+#]/.test(all[0]!));
    t.is(filterMatches(all.join('/'), topic), expected, `${all.join('/')} ${topic}`);
  });
  fc.assert(property, { numRuns: 5_000 });
});
