/** Writes rules as acl.conf, and makes up rules: for tests of what reads and applies them. */
import fc from 'fast-check';
import type { AclRule, TopicPattern, Who } from '../../../src/access/acl-rule.js';

/** @returns the line of a rule; parsing it gives the rule again */
export function printRule({ allow, who, access, topics }: AclRule): string {
  const verdict = allow ? 'allow' : 'deny';
  if (topics === null) return `{${verdict}, all}.`;
  return `{${verdict}, ${printWho(who)}, ${access}, [${topics.map(printTopic).join(', ')}]}.`;
}

function printWho(who: Who): string {
  switch (who.kind) {
    case 'all':
      return 'all';
    case 'user':
      return `{user, ${quote(who.name)}}`;
    case 'client':
      return `{client, ${quote(who.id)}}`;
    case 'ipaddr':
      return `{ipaddr, ${quote(who.range)}}`;
    default:
      return `{'${who.kind}', [${who.of.map(printWho).join(', ')}]}`;
  }
}

function printTopic({ filter, isLiteral }: TopicPattern): string {
  return isLiteral ? `{eq, ${quote(filter)}}` : quote(filter);
}

function quote(text: string): string {
  const plain = text.replace(/[\\"]/g, '\\$&');
  return `"${plain.replace(/\p{Cc}/gu, (char) => `\\x{${char.codePointAt(0)!.toString(16)}}`)}"`;
}

// Few words, so that rules and clients meet.
const names = fc.constantFrom('a', 'b', '+', '#', '%c', '%u', 'a/b', 'all', 'é"\\\n', '$SYS');
const addresses = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.1.0.1', '::1', 'unix');
const ranges = fc.constantFrom('10.0.0.1', '10.0.0.7/24', '10.0.0.0/8', '::/0', '0.0.0.0/0');
const levels = fc.constantFrom('a', 'b', '', '+', '%c', '%u', '$SYS', 'x%c', 'é');

/** Valid topic filters. */
export const filters: fc.Arbitrary<string> = fc
  .tuple(fc.array(levels, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([some, isOpen]) => [...some, ...(isOpen ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '');

/** Valid topic names. */
export const topics: fc.Arbitrary<string> = filters.filter((filter) => !/[+#]/.test(filter));

const { who } = fc.letrec<{ who: Who }>((tie) => ({
  who: fc.oneof(
    { maxDepth: 2 },
    fc.constant<Who>({ kind: 'all' }),
    names.map((name): Who => ({ kind: 'user', name })),
    names.map((id): Who => ({ kind: 'client', id })),
    ranges.map((range): Who => ({ kind: 'ipaddr', range })),
    fc.array(tie('who'), { maxLength: 3 }).map((of): Who => ({ kind: 'and', of })),
    fc.array(tie('who'), { maxLength: 3 }).map((of): Who => ({ kind: 'or', of })),
  ),
}));

export const rules: fc.Arbitrary<AclRule> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc
      .boolean()
      .map((allow): AclRule => ({ allow, who: { kind: 'all' }, access: 'pubsub', topics: null })),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      allow: fc.boolean(),
      who,
      access: fc.constantFrom('publish' as const, 'subscribe' as const, 'pubsub' as const),
      topics: fc.array(fc.record({ filter: filters, isLiteral: fc.boolean() }), { maxLength: 3 }),
    }),
  },
);

export const subjects = fc.record({
  clientId: names,
  username: fc.option(names),
  peerAddress: addresses,
});
