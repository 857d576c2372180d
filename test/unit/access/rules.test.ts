import test from 'ava';
import fc from 'fast-check';
import { parseAclConf } from '../../../src/access/acl-conf.js';
import type { AclRule, TopicPattern, Who } from '../../../src/access/acl-rule.js';
import { ALLOW, DENY, NO_MATCH, RuleSet, type RuleSubject, type Verdict } from '../../../src/access/rules.js';
import { filters, rules, subjects, topics } from './acl-printer.js';

type Action = 'publish' | 'subscribe';

const ANYBODY: RuleSubject = { clientId: 'c1', username: null, peerAddress: '10.0.0.1' };

function decide(set: RuleSet, subject: RuleSubject, action: Action, topic: string): Verdict {
  const list = set.profileOf(subject)[action];
  const bytes = Buffer.from(`x${topic}x`);
  const decided = list.decide(bytes, 1, bytes.length - 1, {
    clientId: Buffer.from(subject.clientId),
    username: subject.username === null ? null : Buffer.from(subject.username),
  });
  if (list.fixed !== null && list.fixed !== decided)
    throw new Error(`fixed is ${list.fixed}, not ${decided}`);
  return decided;
}

/** What the rules of a file say about these topics. */
function judge(
  text: string,
  action: Action,
  subject: Partial<RuleSubject> = {},
): (...topics: string[]) => Verdict[] {
  const result = parseAclConf(text);
  if (!result.ok) throw new Error(result.error.message);
  const set = new RuleSet(result.rules);
  return (...names) => names.map((topic) => decide(set, { ...ANYBODY, ...subject }, action, topic));
}

/** Whether `{allow, WHO, ...}` means the client. */
function means(who: string, subject: Partial<RuleSubject>): boolean {
  return judge(`{allow, ${who}, pubsub, ["t"]}.`, 'publish', subject)('t')[0] === ALLOW;
}

test('the first rule that fits decides; where none does, nothing is said', (t) => {
  const on = judge(
    `{deny, all, publish, ["a/b"]}. {allow, all, publish, ["a/#"]}. {deny, all, publish, ["a/c"]}.`,
    'publish',
  );
  t.deepEqual(on('a/b', 'a/c', 'x'), [DENY, ALLOW, NO_MATCH]);
});

test('a level that has the name of something every object has is a level like any other', (t) => {
  for (const word of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    const text = `{deny, all, publish, ["a/${word}/+"]}. {allow, all, publish, ["b/${word}"]}.`;
    for (const username of [null, 'u']) {
      const on = judge(text, 'publish', { username });
      t.deepEqual(on(`a/${word}/x`, `b/${word}`, 'b/u', 'b/c1'), [DENY, ALLOW, NO_MATCH, NO_MATCH], word);
    }
  }
});

test('a rule about publishing says nothing about subscribing, and pubsub is about both', (t) => {
  const text = `{deny, all, subscribe, ["s"]}. {deny, all, publish, ["p"]}. {deny, all, pubsub, ["b"]}.`;
  t.deepEqual(judge(text, 'publish')('s', 'p', 'b'), [NO_MATCH, DENY, DENY]);
  t.deepEqual(judge(text, 'subscribe')('s', 'p', 'b'), [DENY, NO_MATCH, DENY]);
});

test('{allow, all} and {deny, all} end the evaluation for everybody', (t) => {
  t.deepEqual(judge('{deny, all, pubsub, ["a"]}. {allow, all}. {deny, all}.', 'publish')('a', 'b'), [
    DENY,
    ALLOW,
  ]);
  t.deepEqual(judge('{deny, all}.', 'subscribe')('#', '$SYS/#'), [DENY, DENY]);
});

test('a user is meant by name, and one without a name never is', (t) => {
  t.true(means('{user, "u"}', { username: 'u' }));
  t.false(means('{user, "u"}', { username: 'U' }));
  t.false(means('{user, "u"}', { username: null }));
  t.false(means('{user, "all"}', { username: 'u' }));
  t.true(means('{user, all}', { username: null }));
});

test('a client is meant by its ClientId', (t) => {
  t.true(means('{client, "c"}', { clientId: 'c' }));
  t.false(means('{client, "c"}', { clientId: 'cc' }));
  t.true(means('{client, all}', { clientId: 'cc' }));
});

test('an address is meant by itself or its network, whatever the base of the network', (t) => {
  t.true(means('{ipaddr, "192.168.0.1/24"}', { peerAddress: '192.168.0.200' }));
  t.false(means('{ipaddr, "192.168.0.1/24"}', { peerAddress: '192.168.1.1' }));
  t.true(means('{ipaddr, "10.0.0.1"}', { peerAddress: '10.0.0.1' }));
  t.true(means('{ipaddr, "2001:db8::/32"}', { peerAddress: '2001:db8:1::1' }));
  t.false(means('{ipaddr, "0.0.0.0/0"}', { peerAddress: 'unix' }));
  t.false(means('{ipaddr, "0.0.0.0/0"}', { peerAddress: '::1' }));
});

test('and of nothing means everybody, or of nothing nobody', (t) => {
  t.true(means(`{'and', []}`, {}));
  t.false(means(`{'or', []}`, {}));
  t.true(means(`{'and', [{user, "u"}, {client, "c"}]}`, { username: 'u', clientId: 'c' }));
  t.false(means(`{'and', [{user, "u"}, {client, "c"}]}`, { username: 'u', clientId: 'd' }));
  t.true(means(`{'or', [{user, "u"}, {client, "c"}]}`, { username: 'v', clientId: 'c' }));
  t.false(means(`{'or', [{user, "u"}, {client, "c"}]}`, { username: 'v', clientId: 'd' }));
});

test('filters match as subscriptions do, and $ is not protected from their wildcards', (t) => {
  const on = (filter: string, ...names: string[]): Verdict[] =>
    judge(`{allow, all, publish, ["${filter}"]}.`, 'publish')(...names);
  t.deepEqual(on('#', 'a', '$SYS/x', '/'), [ALLOW, ALLOW, ALLOW]);
  t.deepEqual(on('+/x', '$SYS/x', 'a/x', 'a/x/', '/x'), [ALLOW, ALLOW, NO_MATCH, ALLOW]);
  t.deepEqual(on('a/#', 'a', 'a/', 'a/b/c', 'ab'), [ALLOW, ALLOW, ALLOW, NO_MATCH]);
  t.deepEqual(on('a/+', 'a', 'a/', 'a/b', 'a/b/c'), [NO_MATCH, ALLOW, ALLOW, NO_MATCH]);
  t.deepEqual(on('a', 'a', 'A', 'a/', '/a'), [ALLOW, NO_MATCH, NO_MATCH, NO_MATCH]);
  t.deepEqual(on('ü/+', 'ü/é', 'u/é'), [ALLOW, NO_MATCH]);
});

test('a filter that is subscribed to is compared as if it were a topic name', (t) => {
  const on = (topic: string, ...asked: string[]): Verdict[] =>
    judge(`{allow, all, subscribe, [${topic}]}.`, 'subscribe')(...asked);
  t.deepEqual(on('"a/#"', 'a/+', 'a/#', 'a', '+/b', '#'), [ALLOW, ALLOW, ALLOW, NO_MATCH, NO_MATCH]);
  t.deepEqual([on('"#"', '#'), on('"+"', '#'), on('{eq, "#"}', '#')], [[ALLOW], [ALLOW], [ALLOW]]);
  t.deepEqual(on('"a/b"', 'a/+', 'a/#'), [NO_MATCH, NO_MATCH]);
});

test('eq is about this text alone', (t) => {
  const on = (topic: string, ...asked: string[]): Verdict[] =>
    judge(`{deny, all, pubsub, [{eq, "${topic}"}]}.`, 'subscribe', { clientId: 'me' })(...asked);
  t.deepEqual(on('#', '#', 'a', 'a/#', '+'), [DENY, NO_MATCH, NO_MATCH, NO_MATCH]);
  t.deepEqual(on('a/+', 'a/+', 'a/b', 'a/#'), [DENY, NO_MATCH, NO_MATCH]);
  t.deepEqual(on('%c', '%c', 'me'), [DENY, NO_MATCH]);
});

test('%c and %u stand for ClientId and user name where they are a whole level', (t) => {
  const on = (filter: string, subject: Partial<RuleSubject>, ...names: string[]): Verdict[] =>
    judge(`{allow, all, pubsub, ["${filter}"]}.`, 'publish', subject)(...names);
  t.deepEqual(on('c/%c/+', { clientId: 'me' }, 'c/me/x', 'c/you/x', 'c/%c/x'), [ALLOW, NO_MATCH, NO_MATCH]);
  t.deepEqual(on('%u', { username: 'é' }, 'é', '%u'), [ALLOW, NO_MATCH]);
  t.deepEqual(on('dev-%c', { clientId: 'me' }, 'dev-me', 'dev-%c'), [NO_MATCH, ALLOW]);
  t.deepEqual(on('%c%u', { clientId: 'a', username: 'b' }, 'ab', '%c%u'), [NO_MATCH, ALLOW]);
});

test('without a user name %u is an ordinary level', (t) => {
  const on = judge('{allow, all, pubsub, ["u/%u"]}.', 'publish', { username: null });
  t.deepEqual(on('u/%u', 'u/', 'u/null', 'u/undefined'), [ALLOW, NO_MATCH, NO_MATCH, NO_MATCH]);
});

test('a client that is named like a wildcard, a path or a placeholder gets nothing more by it', (t) => {
  const asking = (clientId: string, ...asked: string[]): Verdict[] =>
    judge('{allow, all, subscribe, ["c/%c/#"]}.', 'subscribe', { clientId })(...asked);
  t.deepEqual(asking('+', 'c/+/x', 'c/+', 'c/a/x'), [NO_MATCH, NO_MATCH, NO_MATCH]);
  t.deepEqual(asking('#', 'c/#'), [NO_MATCH]);
  t.deepEqual(asking('a/b', 'c/a/b', 'c/a/b/x'), [NO_MATCH, NO_MATCH]);
  t.deepEqual(asking('%u', 'c/%u/x', 'c/%c/x'), [ALLOW, NO_MATCH]);
});

test('whatever the names, %c and %u allow nothing but a level that is the name', (t) => {
  const names = fc.string({ unit: fc.constantFrom('+', '#', '/', '%', 'c', 'u', '$', 'a'), maxLength: 4 });
  const level = fc.oneof(names, fc.constantFrom('+', '#', '%c', '%u', ''));
  const conf = parseAclConf('{allow, all, pubsub, ["c/%c/+", "u/%u"]}.');
  const set = new RuleSet(conf.ok ? conf.rules : []);
  fc.assert(
    fc.property(names, names, level, level, (clientId, username, second, third) => {
      const subject = { ...ANYBODY, clientId, username };
      const isOwn = (name: string, asked: string): boolean =>
        asked === name && !name.includes('/') && name !== '+' && name !== '#';
      for (const action of ['publish', 'subscribe'] as const) {
        const byClient = decide(set, subject, action, `c/${second}/${third}`) === ALLOW;
        if (byClient !== (isOwn(clientId, second) && !third.includes('/'))) return false;
        if ((decide(set, subject, action, `u/${second}`) === ALLOW) !== isOwn(username, second)) return false;
      }
      return true;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('{user, "$all"} is a user of that name, and not everybody', (t) => {
  t.false(means('{user, "$all"}', { username: 'u' }));
  t.true(means('{user, "$all"}', { username: '$all' }));
});

test('clients whom the same rules concern share what was worked out', (t) => {
  const result = parseAclConf('{allow, {user, "u"}, publish, ["a"]}. {deny, all, subscribe, ["%c"]}.');
  if (!result.ok) throw new Error(result.error.message);
  const set = new RuleSet(result.rules);
  t.is(set.profileOf(ANYBODY), set.profileOf({ ...ANYBODY, clientId: 'other' }));
  t.not(set.profileOf(ANYBODY), set.profileOf({ ...ANYBODY, username: 'u' }));
  t.is(set.profileOf(ANYBODY).publish.fixed, NO_MATCH);
});

test('rules decide as one would write it down', (t) => {
  const asked = fc.oneof(
    topics.map((topic) => ({ action: 'publish' as const, topic })),
    filters.map((topic) => ({ action: 'subscribe' as const, topic })),
  );
  fc.assert(
    fc.property(fc.array(rules, { maxLength: 6 }), subjects, asked, (some, subject, { action, topic }) => {
      return decide(new RuleSet(some), subject, action, topic) === oracle(some, subject, action, topic);
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});

function oracle(some: readonly AclRule[], subject: RuleSubject, action: Action, topic: string): Verdict {
  const found = some.find(
    (rule) =>
      (rule.access === 'pubsub' || rule.access === action) &&
      isMeant(rule.who, subject) &&
      (rule.topics === null || rule.topics.some((pattern) => covers(pattern, topic, subject))),
  );
  return found === undefined ? NO_MATCH : found.allow ? ALLOW : DENY;
}

function isMeant(who: Who, subject: RuleSubject): boolean {
  switch (who.kind) {
    case 'all':
      return true;
    case 'user':
      return who.name === subject.username;
    case 'client':
      return who.id === subject.clientId;
    case 'and':
      return who.of.every((each) => isMeant(each, subject));
    case 'or':
      return who.of.some((each) => isMeant(each, subject));
    default:
      return IN_RANGE[who.range]!.includes(subject.peerAddress);
  }
}

/** The addresses that the rules' generator knows, by its ranges. */
const IN_RANGE: Readonly<Record<string, readonly string[]>> = {
  '10.0.0.1': ['10.0.0.1'],
  '10.0.0.7/24': ['10.0.0.1', '10.0.0.2'],
  '10.0.0.0/8': ['10.0.0.1', '10.0.0.2', '10.1.0.1'],
  '0.0.0.0/0': ['10.0.0.1', '10.0.0.2', '10.1.0.1'],
  '::/0': ['::1'],
};

function covers({ filter, isLiteral }: TopicPattern, topic: string, subject: RuleSubject): boolean {
  if (isLiteral) return filter === topic;
  const wanted = filter.split('/');
  const asked = topic.split('/');
  const open = wanted.at(-1) === '#';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? asked.length < fixed.length : asked.length !== fixed.length) return false;
  return fixed.every((level, i) => {
    if (level === '+') return true;
    const own = level === '%c' ? subject.clientId : level === '%u' ? subject.username : null;
    if (own === null) return level === asked[i];
    return own === asked[i] && own !== '+' && own !== '#';
  });
}
