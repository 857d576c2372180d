/** ClientIds and user names with characters that mean something in topics, filters and rules give nobody more. */
import test from 'ava';
import { checkTopicFilter } from '../../src/protocol/topic.js';
import { guarded } from './guarded.js';

const RULES = `
  {allow, {user, "watch"}, pubsub, ["#"]}.
  {allow, {user, "+"}, pubsub, ["by/plus"]}.
  {allow, {user, "#"}, pubsub, ["by/hash"]}.
  {allow, {client, "%c"}, pubsub, ["by/percent"]}.
  {allow, {client, "a/b"}, pubsub, ["by/path"]}.
  {allow, all, pubsub, ["c/%c/#", "u/%u/+", "both/%c/%u", "in-%c"]}.
  {deny, all}.
`;

const NAMES = [
  '+',
  '#',
  'a/b',
  'a/+',
  '+/#',
  '/',
  '//',
  '%c',
  '%u',
  '%c/%u',
  'in-%c',
  '$SYS',
  '$share/g/x',
  'a',
  'A',
  '%25',
];
const BY_NAME: Readonly<Record<string, string>> = {
  '+': 'by/plus',
  '#': 'by/hash',
  '%c': 'by/percent',
  'a/b': 'by/path',
};
const LIMITS = { topicBytesMax: 100, topicLevelsMax: 100 };

/** Everything that one of the names could be meant to reach. */
const TOPICS = [
  ...NAMES.flatMap((name) => [
    `c/${name}`,
    `c/${name}/x`,
    `c/${name}/#`,
    `c/${name}/+/y`,
    `u/${name}`,
    `u/${name}/x`,
    `u/${name}/+`,
    `both/${name}/${name}`,
    `both/${name}/a`,
    `in-${name}`,
    name,
  ]),
  ...Object.values(BY_NAME),
  ...[
    '#',
    '+',
    '+/#',
    'c/#',
    'c/+',
    'c/+/x',
    'c/+/#',
    'u/#',
    'u/+/+',
    'both/#',
    'both/+/+',
    'by/+',
    'by/#',
    'in-%c',
  ],
];

/** What the rules mean, in other words. */
function isOwn(name: string, topic: string): boolean {
  if (topic === BY_NAME[name] || topic === 'in-%c') return true;
  const [first, second, third, ...rest] = topic.split('/');
  if (name === '+' || name === '#' || second !== name) return false;
  if (first === 'c') return true;
  if (first === 'u') return third !== undefined && rest.length === 0;
  return first === 'both' && third === name && rest.length === 0;
}

const FILTERS = TOPICS.filter((topic) => checkTopicFilter(topic, LIMITS) && !topic.startsWith('$share'));
const NAMES_OF_TOPICS = TOPICS.filter((topic) => topic !== '' && !/[+#]/.test(topic));

for (const version of [3, 4, 5] as const) {
  const refused = version === 5 ? 0x87 : 0x80;

  test(
    `MQTT ${version}: no name widens a rule about subscriptions, shared ones included`,
    guarded({ rules: RULES }, async (g, t) => {
      for (const name of NAMES) {
        const client = await g.connect({ version, clientId: name, username: name });
        for (const prefix of ['', '$share/g/', '$queue/']) {
          const { codes } = await client.subscribe(FILTERS.map((filter) => [`${prefix}${filter}`, 1]));
          t.deepEqual(
            FILTERS.filter((_, i) => codes[i] === 1),
            FILTERS.filter((filter) => isOwn(name, filter)),
            `${prefix} ${name}`,
          );
          t.true(codes.every((code) => code === 1 || code === refused));
        }
        client.drop();
      }
    }),
  );

  test(
    `MQTT ${version}: no name gets messages of others, or sends them any`,
    guarded({ rules: RULES }, async (g, t) => {
      const watcher = await g.connect({ username: 'watch', at: 1 });
      await watcher.subscribe('#');
      const publisher = await g.connect({ username: 'watch' });
      for (const name of NAMES) {
        const client = await g.connect({ version, clientId: name, username: name });
        await client.subscribe(FILTERS.map((filter) => [filter, 0]));
        const own = [...new Set(NAMES_OF_TOPICS)].filter((topic) => isOwn(name, topic)).sort();
        for (const topic of new Set(NAMES_OF_TOPICS)) publisher.sendPublish({ topic });
        await publisher.expectSilence();
        await watcher.collectFrom(publisher);
        // Its own session may not subscribe to the marker: it asks for nothing, and gets all that is on its way.
        const got = new Set<string>();
        client.sendPublish({ topic: 'none', qos: 1, id: 9 });
        for (let found = await client.next(); found?.type !== 'puback'; found = await client.next())
          if (found?.type === 'publish') got.add(found.topic);
        t.deepEqual([...got].sort(), own, name);
        for (const topic of new Set(NAMES_OF_TOPICS)) client.sendPublish({ topic, payload: 'from it' });
        client.sendPublish({ topic: 'none', qos: 1, id: 9 });
        for (let found = await client.next(); found?.type !== 'puback'; ) found = await client.next();
        const seen = (await watcher.collectFrom(publisher)).map(({ topic }) => topic).sort();
        t.deepEqual(
          seen.filter((topic) => !topic.startsWith('$SYS')),
          own.filter((topic) => !topic.startsWith('$')),
          name,
        );
        client.drop();
      }
    }),
  );
}

test(
  'names that differ count each for its own level',
  guarded({ rules: RULES }, async (g, t) => {
    const codes = async (
      clientId: string,
      username: string | undefined,
      ...filters: string[]
    ): Promise<number[]> => {
      const client = await g.connect(username === undefined ? { clientId } : { clientId, username });
      return (await client.subscribe(filters.map((filter) => [filter, 0]))).codes;
    };
    t.deepEqual(await codes('+', 'u', 'c/+/x', 'u/u/x', 'both/+/u', 'both/#'), [0x87, 0, 0x87, 0x87]);
    t.deepEqual(await codes('c', '+', 'c/c/x', 'u/+/x', 'both/c/+', 'both/c/#'), [0, 0x87, 0x87, 0x87]);
    t.deepEqual(await codes('c', 'a/b', 'both/c/a/b', 'u/a/b/x', 'u/a/x'), [0x87, 0x87, 0x87]);
    t.deepEqual(await codes('%u', 'me', 'c/me/x', 'c/%u/x', 'both/%u/me', 'both/me/me'), [0x87, 0, 0, 0x87]);
    t.deepEqual(
      await codes('c', undefined, 'u/%u/x', 'u//x', 'u/undefined/x', 'u/+/x'),
      [0, 0x87, 0x87, 0x87],
    );
    t.deepEqual(await codes('c', '', 'u//x', 'u/%u/x', 'u/+/x', 'both/c/'), [0, 0x87, 0x87, 0]);
  }),
);
