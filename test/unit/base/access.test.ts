import test from 'ava';
import { AccessRules, normalAddress } from '../../../src/base/access.js';

const allow = (range: string) => ({ allow: true, range });
const deny = (range: string) => ({ allow: false, range });

test('the first rule that matches decides, and no match allows', (t) => {
  const rules = new AccessRules([allow('10.1.0.0/16'), deny('10.0.0.0/8'), deny('2001:db8::/32')]);
  t.true(rules.allows('10.1.2.3'));
  t.false(rules.allows('10.2.2.3'));
  t.true(rules.allows('192.168.0.1'));
  t.false(rules.allows('2001:db8::1'));
  t.true(rules.allows('::1'));
});

test('after "all" no rule counts', (t) => {
  const rules = new AccessRules([allow('127.0.0.1'), deny('all'), allow('10.0.0.0/8')]);
  t.true(rules.allows('127.0.0.1'));
  t.false(rules.allows('127.0.0.2'));
  t.false(rules.allows('10.0.0.1'));
});

test('rules that only allow let everybody in', (t) => {
  t.true(new AccessRules([allow('10.0.0.0/8')]).allows('1.2.3.4'));
  t.true(new AccessRules([allow('all')]).allows('1.2.3.4'));
  t.true(new AccessRules([]).allows('1.2.3.4'));
});

test('an IPv4 client of a dual-stack listener is known by its IPv4 address', (t) => {
  t.is(normalAddress('::ffff:10.0.0.1'), '10.0.0.1');
  t.is(normalAddress('::ffff:a00:1'), '::ffff:a00:1');
  t.is(normalAddress('fe80::1'), 'fe80::1');
  t.is(normalAddress('10.0.0.1'), '10.0.0.1');
});

test('a range that is none is an error', (t) => {
  for (const range of ['', 'some', '10.0.0.0/33', '10.0.0.0/x', '::/129', '1.2.3']) {
    t.throws(() => new AccessRules([deny(range)]), undefined, range);
  }
});

test('a list of networks lets in nobody else, an empty one everybody', (t) => {
  const rules = AccessRules.only(['10.0.0.0/8', '::1']);
  t.deepEqual(
    ['10.9.9.9', '::1', '11.0.0.1', 'fe80::1'].map((address) => rules.allows(address)),
    [true, true, false, false],
  );
  t.true(AccessRules.only([]).allows('11.0.0.1'));
});
