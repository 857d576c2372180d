/** Reads access rules as EMQ writes them in acl.conf, and checks every word. Any thread. */
import { parseIpRange } from '../base/ip-range.js';
import { ACL_RULES_MAX } from '../limits.js';
import { checkTopicFilter, NO_TOPIC_LIMITS } from '../protocol/topic.js';
import type { AclRule, TopicPattern, Who } from './acl-rule.js';
import { type Position, type Term, TermError, TermReader } from './erlang-terms.js';

export type AclConf =
  | {
      readonly ok: true;
      readonly rules: readonly AclRule[];
      /** What is allowed and hardly meant. */
      readonly warnings: readonly AclRemark[];
    }
  | { readonly ok: false; readonly error: AclRemark };

export interface AclRemark extends Position {
  readonly message: string;
}

const RULE = '{allow, all}, {deny, all} or {allow or deny, who, access, topics}';
const WHO =
  'all, {user, "name"}, {client, "id"}, {ipaddr, "10.0.0.0/8"}, {\'and\', [...]} or {\'or\', [...]}';
const TOPIC = '"a/topic/filter" or {eq, "a/topic/filter"}';

/** Never throws for what is in the text. A text without a rule is an error: nobody means it. */
export function parseAclConf(text: string): AclConf {
  const reader = new TermReader(text);
  const rules: AclRule[] = [];
  const warnings: AclRemark[] = [];
  try {
    for (let term = reader.next(); term !== null; term = reader.next()) {
      if (rules.length >= ACL_RULES_MAX) throw new TermError(term, `more than ${ACL_RULES_MAX} rules`);
      rules.push(ruleOf(term, warnings));
    }
  } catch (error) {
    if (error instanceof TermError) return { ok: false, error: remark(error.position, error.message) };
    throw error;
  }
  if (rules.length > 0) return { ok: true, rules, warnings };
  return {
    ok: false,
    error: remark({ line: 1, column: 1 }, `expected a rule, found none; a rule is ${RULE}`),
  };
}

function ruleOf(term: Term, warnings: AclRemark[]): AclRule {
  if (term.kind !== 'tuple') throw wrong(term, RULE);
  const [verdict, who, access, topics] = term.items;
  const allow = isAtom(verdict, 'allow');
  if (verdict === undefined || (!allow && !isAtom(verdict, 'deny')))
    throw wrong(verdict ?? term, 'allow or deny');
  if (term.items.length === 2) {
    if (!isAtom(who, 'all')) throw wrong(who!, 'all, or three terms: who, access, topics');
    return { allow, who: { kind: 'all' }, access: 'pubsub', topics: null };
  }
  if (term.items.length !== 4) throw wrong(term, RULE);
  return { allow, who: whoOf(who!), access: accessOf(access!), topics: topicsOf(topics!, warnings) };
}

function whoOf(term: Term): Who {
  if (isAtom(term, 'all')) return { kind: 'all' };
  if (term.kind !== 'tuple' || term.items.length !== 2) throw wrong(term, WHO);
  const [kind, value] = term.items as readonly [Term, Term];
  switch (kind.kind === 'atom' ? kind.text : '') {
    case 'user':
      return isAtom(value, 'all') ? { kind: 'all' } : { kind: 'user', name: nameOf(value) };
    case 'client':
      return isAtom(value, 'all') ? { kind: 'all' } : { kind: 'client', id: nameOf(value) };
    case 'ipaddr':
      return { kind: 'ipaddr', range: rangeOf(value) };
    case 'and':
      return { kind: 'and', of: listOf(value, WHO).map(whoOf) };
    case 'or':
      return { kind: 'or', of: listOf(value, WHO).map(whoOf) };
    default:
      throw wrong(kind, "user, client, ipaddr, 'and' or 'or'");
  }
}

function nameOf(term: Term): string {
  const name = textOf(term, 'all or a name in double quotes');
  // Nobody could ever have it, and the rule would be there for nothing.
  if (name === '' || name.includes('\0') || /\p{Cs}/u.test(name))
    throw wrong(term, 'a name that a client can have');
  return name;
}

function rangeOf(term: Term): string {
  const expected = 'an IP address or a network such as "10.0.0.0/8"';
  const range = textOf(term, expected);
  if (parseIpRange(range) === null) throw wrong(term, expected);
  return range;
}

function accessOf(term: Term): AclRule['access'] {
  for (const access of ['publish', 'subscribe', 'pubsub'] as const) if (isAtom(term, access)) return access;
  throw wrong(term, 'publish, subscribe or pubsub');
}

function topicsOf(term: Term, warnings: AclRemark[]): readonly TopicPattern[] {
  const terms = term.kind === 'binary' ? [term] : listOf(term, `[${TOPIC}, ...]`);
  return terms.map((topic) => topicOf(topic, warnings));
}

function topicOf(term: Term, warnings: AclRemark[]): TopicPattern {
  if (term.kind === 'tuple') {
    const [eq, filter] = term.items;
    if (term.items.length !== 2 || !isAtom(eq, 'eq')) throw wrong(term, TOPIC);
    return { filter: filterOf(filter!), isLiteral: true };
  }
  const filter = filterOf(term);
  const level = filter.split('/').find((each) => each.length > 2 && /%[cu]/.test(each));
  if (level !== undefined) {
    const message = `%c and %u stand for something only as a whole level, not in ${JSON.stringify(cut(level))}`;
    warnings.push(remark(term, message));
  }
  return { filter, isLiteral: false };
}

function filterOf(term: Term): string {
  const filter = textOf(term, TOPIC);
  if (!checkTopicFilter(filter, NO_TOPIC_LIMITS)) throw wrong(term, 'a valid topic filter');
  return filter;
}

function textOf(term: Term, expected: string): string {
  if (term.kind !== 'string' && term.kind !== 'binary') throw wrong(term, expected);
  return term.text;
}

function listOf(term: Term, expected: string): readonly Term[] {
  if (term.kind !== 'list') throw wrong(term, `a list: ${expected}`);
  return term.items;
}

function isAtom(term: Term | undefined, text: string): boolean {
  return term?.kind === 'atom' && term.text === text;
}

function wrong(term: Term, expected: string): TermError {
  return new TermError(term, `expected ${expected}, found ${shown(term)}`);
}

function shown(term: Term): string {
  switch (term.kind) {
    case 'tuple':
      return `a tuple of ${term.items.length}`;
    case 'list':
      return `a list of ${term.items.length}`;
    case 'atom':
      return cut(term.text);
    default:
      return cut(JSON.stringify(term.text));
  }
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}...` : text;
}

/** How much of a text that is wrong is shown. */
const SHOWN_CHARS_MAX = 60;

function remark({ line, column }: Position, message: string): AclRemark {
  return { line, column, message };
}
