import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { parseAclConf } from '../../../src/access/acl-conf.js';
import type { AclRule, Who } from '../../../src/access/acl-rule.js';
import { printRule, rules } from './acl-printer.js';

function rulesOf(text: string): readonly AclRule[] {
  const result = parseAclConf(text);
  if (!result.ok) throw new Error(`${result.error.line}:${result.error.column}: ${result.error.message}`);
  return result.rules;
}

/** `line:column: message` of the first mistake. */
function errorOf(text: string): string {
  const result = parseAclConf(text);
  return result.ok ? 'none' : `${result.error.line}:${result.error.column}: ${result.error.message}`;
}

function whoOf(text: string): Who {
  return rulesOf(`{allow, ${text}, pubsub, ["t"]}.`)[0]!.who;
}

test('the rules of the example are read as they are meant', (t) => {
  const text = readFileSync(new URL('../../../../examples/acl.conf', import.meta.url), 'utf8');
  t.deepEqual(rulesOf(text), [
    {
      allow: true,
      who: { kind: 'user', name: 'dashboard' },
      access: 'subscribe',
      topics: [{ filter: '$SYS/#', isLiteral: false }],
    },
    {
      allow: true,
      who: { kind: 'ipaddr', range: '127.0.0.1' },
      access: 'pubsub',
      topics: [
        { filter: '$SYS/#', isLiteral: false },
        { filter: '#', isLiteral: false },
      ],
    },
    {
      allow: false,
      who: { kind: 'all' },
      access: 'subscribe',
      topics: [
        { filter: '$SYS/#', isLiteral: false },
        { filter: '#', isLiteral: true },
      ],
    },
  ]);
});

test('{allow, all} and {deny, all} are about every topic and both ways', (t) => {
  const all = { who: { kind: 'all' }, access: 'pubsub', topics: null };
  t.deepEqual(rulesOf('{allow, all}. {deny,all}.'), [
    { allow: true, ...all },
    { allow: false, ...all },
  ] as AclRule[]);
});

test('every form of who is read', (t) => {
  t.deepEqual(whoOf('all'), { kind: 'all' });
  t.deepEqual(whoOf('{user, all}'), { kind: 'all' });
  t.deepEqual(whoOf('{client, all}'), { kind: 'all' });
  t.deepEqual(whoOf('{user, "all"}'), { kind: 'user', name: 'all' });
  t.deepEqual(whoOf('{client, <<"id">>}'), { kind: 'client', id: 'id' });
  t.deepEqual(whoOf('{ipaddr, "192.168.0.1/24"}'), { kind: 'ipaddr', range: '192.168.0.1/24' });
  t.deepEqual(whoOf(`{'and', [{user, "u"}, {'or', []}]}`), {
    kind: 'and',
    of: [
      { kind: 'user', name: 'u' },
      { kind: 'or', of: [] },
    ],
  });
});

test('topics are a list of strings, binaries and eq, or one binary', (t) => {
  const topicsOf = (text: string): unknown => rulesOf(`{deny, all, publish, ${text}}.`)[0]!.topics;
  t.deepEqual(topicsOf('["a", <<"b/+">>, <<"ü"/utf8>>, {eq, "#"}]'), [
    { filter: 'a', isLiteral: false },
    { filter: 'b/+', isLiteral: false },
    { filter: 'ü', isLiteral: false },
    { filter: '#', isLiteral: true },
  ]);
  t.deepEqual(topicsOf('<<"a/#">>'), [{ filter: 'a/#', isLiteral: false }]);
  t.deepEqual(topicsOf('[]'), []);
});

test('blanks, comments, line ends of Windows and escapes are Erlang’s', (t) => {
  const text = `%% {deny, all}.\r\n{ allow ,\t{user,"a\\"\\\\\\x{263a}\\101\\s%"} % why\r\n, publish,\r\n["t"] } .%end`;
  t.deepEqual(rulesOf(text)[0]!.who, { kind: 'user', name: 'a"\\☺A %' });
});

test('a mistake is named with its line, its column and what was expected', (t) => {
  t.is(errorOf('{allow, all}'), '1:13: expected a period at the end of the term, found the end of the file');
  t.is(
    errorOf('{allow, all}\n%\n{deny, all}.'),
    '1:13: expected a period at the end of the term, found "{deny,"',
  );
  t.is(errorOf('% c\n{allow all}.'), '2:8: expected a comma or }, found "all}."');
  t.is(errorOf('\n  {alow, all}.'), '2:4: expected allow or deny, found alow');
  t.is(errorOf('{allow, nobody}.'), '1:9: expected all, or three terms: who, access, topics, found nobody');
  t.regex(errorOf('{allow, all, "t"}.'), /^1:1: expected \{allow, all\}.* found a tuple of 3$/);
  t.is(errorOf('{allow, all, read, ["t"]}.'), '1:14: expected publish, subscribe or pubsub, found read');
  t.regex(errorOf('{allow, {usr, "x"}, publish, ["t"]}.'), /^1:10: expected user, client, .* found usr$/);
  t.regex(errorOf('{allow, {user, joe}, publish, ["t"]}.'), /^1:16: expected all or a name .* found joe$/);
  t.regex(errorOf('{allow, {ipaddr, "10.0.0.0/33"}, publish, ["t"]}.'), /^1:18: expected an IP address/);
  t.regex(errorOf('{allow, all, publish, "t"}.'), /^1:23: expected a list: .* found "t"$/);
  t.is(errorOf('{allow, all, publish, ["a#"]}.'), '1:24: expected a valid topic filter, found "a#"');
  t.is(errorOf('{allow, all, publish, [{eq, ""}]}.'), '1:29: expected a valid topic filter, found ""');
  t.is(errorOf('{allow, all, publish, ["t]}.\n'), '1:24: no closing " on the same line');
  t.regex(errorOf('Allow.'), /^1:1: expected a term: /);
  t.regex(errorOf('{allow, all}.\n["\\x{110000}"].'), /^2:4: expected a character/);
});

test('a text without a rule is wrong', (t) => {
  for (const text of ['', '  \n', '% {allow, all}.'])
    t.regex(errorOf(text), /^1:1: expected a rule, found none/);
});

test('terms within one another are bounded', (t) => {
  t.regex(errorOf(`${'['.repeat(100_000)}`), /^1:17: terms within one another, more than 16 deep$/);
  t.regex(errorOf('{deny, all}.\n'.repeat(10_001)), /^10001:1: more than 10000 rules$/);
});

test('a placeholder that is no whole level is pointed out', (t) => {
  const result = parseAclConf('{allow, all, pubsub, ["%c/%u", "a/dev-%c"]}.');
  t.true(result.ok);
  if (!result.ok) return;
  t.deepEqual(result.warnings, [
    {
      line: 1,
      column: 32,
      message: '%c and %u stand for something only as a whole level, not in "dev-%c"',
    },
  ]);
});

test('what is written is read again as it was', (t) => {
  fc.assert(
    fc.property(fc.array(rules, { minLength: 1, maxLength: 5 }), (some) => {
      t.deepEqual(rulesOf(some.map(printRule).join('\n')), some);
    }),
  );
});

test('no text makes the parser throw, and each mistake lies within the text', (t) => {
  const pieces = fc.constantFrom(
    ...['{', '}', '[', ']', '<<', '>>', '"', "'", ',', '.', '%', '\n', ' ', '\\', '"t"', '/utf8'],
    ...['allow', 'deny', 'all', 'user', 'eq', 'publish', '{allow, all}.', '{allow, all, pubsub, ["a/#"]}.'],
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 30 }).map((some) => some.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const result = parseAclConf(text);
      if (result.ok) return result.rules.length > 0;
      const { line, column } = result.error;
      const found = text.split('\n')[line - 1];
      return found !== undefined && column >= 1 && column <= found.length + 1;
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});
