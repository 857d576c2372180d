import test from 'ava';
import fc from 'fast-check';
import type { Ban, BanKind } from '../../../src/access/ban.js';
import { checkBan } from '../../../src/access/ban.js';
import { type BanSubject, BanTable } from '../../../src/access/ban-table.js';
import { parseIpAddress, parseIpRange, rangeContains } from '../../../src/base/ip-range.js';

function ban(kind: BanKind, value: string, untilMs: number | null = null): Ban {
  const checked = checkBan({ kind, value, reason: '', createdAtMs: 0, untilMs });
  if (typeof checked === 'string') throw new Error(checked);
  return checked;
}

const NOBODY: BanSubject = { clientId: 'c', username: null, peerAddress: '10.0.0.1' };

test('clients, users and addresses are found by what they are', (t) => {
  const table = new BanTable();
  t.is(table.find(NOBODY, 0), null);
  table.add(ban('clientid', 'bad'));
  table.add(ban('username', 'mallory'));
  table.add(ban('address', '192.168.7.9/16'));
  table.add(ban('address', '2001:db8::/32'));
  const find = (subject: Partial<BanSubject>): string | undefined =>
    table.find({ ...NOBODY, ...subject }, 0)?.value;
  t.is(find({}), undefined);
  t.is(find({ clientId: 'bad' }), 'bad');
  t.is(find({ clientId: 'mallory' }), undefined);
  t.is(find({ username: 'mallory' }), 'mallory');
  t.is(find({ peerAddress: '192.168.200.1' }), '192.168.0.0/16');
  t.is(find({ peerAddress: '2001:db8:1::1' }), '2001:db8::/32');
  t.is(find({ peerAddress: 'unix' }), undefined);
});

test('a ban ends at its time', (t) => {
  const table = new BanTable();
  table.add(ban('clientid', 'c', 100));
  t.not(table.find(NOBODY, 99), null);
  t.is(table.find(NOBODY, 100), null);
});

test('an address has one ban, however it is spelled', (t) => {
  const table = new BanTable();
  table.add(ban('address', '::FFFF:10.0.0.1'));
  table.add(ban('address', '10.0.0.1/32'));
  t.is(table.size, 1);
  t.is(table.remove({ kind: 'address', value: '10.0.0.1' })?.value, '10.0.0.1');
  t.is(table.findAddress('10.0.0.1', 0), null);
  t.is(table.remove({ kind: 'address', value: '10.0.0.1' }), null);
});

test('what keeps nobody out is no ban', (t) => {
  const wrong = (kind: string, value: string, reason = ''): unknown =>
    checkBan({ kind, value, reason, createdAtMs: 0, untilMs: null } as Ban);
  t.regex(String(wrong('clientid', '')), /nobody/);
  t.regex(String(wrong('address', '10.0.0')), /neither an address nor a network/);
  t.regex(String(wrong('host', 'x')), /its kind/);
  t.regex(String(wrong('username', 'x'.repeat(65_536))), /so long/);
  t.regex(String(wrong('username', 'x', 'x'.repeat(2_000))), /reason is longer/);
});

test('whatever is added and removed, an address is banned when one of the ranges contains it', (t) => {
  const ranges = fc.tuple(
    fc.constantFrom('10.0.0.0', '10.128.0.0', '10.0.0.255', '2001::', '2001:8000::'),
    fc.nat(32),
  );
  const steps = fc.array(fc.record({ range: ranges, isAdded: fc.boolean() }), { maxLength: 12 });
  fc.assert(
    fc.property(
      steps,
      fc.constantFrom('10.0.0.1', '10.200.0.1', '2001::5', '2001:ffff::'),
      (some, address) => {
        const table = new BanTable();
        const there = new Set<string>();
        for (const { range, isAdded } of some) {
          const { value } = ban('address', range.join('/'));
          if (isAdded) {
            table.add(ban('address', value));
            there.add(value);
          } else {
            table.remove({ kind: 'address', value });
            there.delete(value);
          }
        }
        const isBanned = [...there].some((value) =>
          rangeContains(parseIpRange(value)!, parseIpAddress(address)!),
        );
        return table.size === there.size && (table.findAddress(address, 0) !== null) === isBanned;
      },
    ),
  );
  t.pass();
});
