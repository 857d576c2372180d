/** The rules of the ledger's judge about wills: each finds the fault that it is for, and nothing else. */
import test from 'ava';
import type { Event } from './ledger/entries.js';
import {
  acked,
  closed,
  crash,
  full,
  Ledger,
  opened,
  ready,
  received,
  room,
  rules,
  sent,
  subscribed,
  TOPIC,
} from './ledger/examples.js';

const NOT_DUE = 'will not due';

test('a will is owed from the first acknowledgement, or when commits have succeeded for a while', (t) => {
  const dying = (seconds: number, ...events: readonly Event[]): Ledger =>
    new Ledger()
      .add(ready, ...opened('w'), ...subscribed('w', 'wills/#'))
      .after(5)
      .add(...opened('m', { isClean: true, expirySeconds: 0, will: 'wills/1' }), ...events)
      .after(seconds)
      .add(crash, closed('m', 'lost'), ready);
  const published = [sent(0, TOPIC), { ...acked(0), client: 'm' } as Event];
  t.deepEqual(rules(dying(0)), []);
  t.deepEqual(rules(dying(0, ...published)), ['will missing']);
  t.deepEqual(rules(dying(4)), ['will missing']);
  // Somebody else's message, on the same shard of three or on another one.
  const others = (slot: number): Event[] => [{ kind: 'slots', slots: { m: 1, p: slot } }, sent(0), acked(0)];
  t.deepEqual(rules(dying(0, ...others(4))), ['will missing']);
  t.deepEqual(rules(dying(0, ...others(2))), []);
  t.deepEqual(rules(dying(4, full)), []);
  t.deepEqual(rules(dying(4, full, room, ...published)), ['will missing']);
});

test('a will with QoS 1 comes again only after a crash', (t) => {
  const come = received(0, 'w', 'wills/1', 1);
  const again = (...between: readonly Event[]): Ledger =>
    mortal(closed('m', 'dropped'), come, ...between, come);
  t.deepEqual(rules(again()), ['will twice without a cause']);
  t.deepEqual(rules(again(crash, ready)), []);
});

/** The mortal `m` and its witness `w`. */
const mortal = (...events: readonly Event[]): Ledger =>
  new Ledger()
    .add(ready, ...opened('w'), ...subscribed('w', 'wills/#'))
    .add(...opened('m', { isClean: true, expirySeconds: 0, will: 'wills/1' }))
    .after(5)
    .add(...events);
const will = received(0, 'w', 'wills/1');

test('the will of a broken connection is owed once, also when the broker died with it', (t) => {
  const ends = [
    [closed('m', 'dropped')],
    [crash, closed('m', 'lost'), ready],
    [closed('m', 'dropped'), crash, ready],
  ];
  for (const end of ends) {
    t.deepEqual(rules(mortal(...end)), ['will missing']);
    t.deepEqual(rules(mortal(...end, will)), []);
    t.deepEqual(rules(mortal(...end, will, will)), ['twice at QoS 2']);
  }
});

test('the will of a client that is connected, has taken its leave, or is back in time is a fault', (t) => {
  const back = opened('m', { isClean: true, expirySeconds: 0 });
  t.deepEqual(rules(mortal(will)), [NOT_DUE]);
  t.deepEqual(rules(mortal(closed('m', 'left')).after(5).add(will)), [NOT_DUE]);
  t.deepEqual(rules(mortal(crash, closed('m', 'lost'), ready, ...back, will)), [NOT_DUE]);
  const tooLate = mortal(crash, closed('m', 'lost'), ready)
    .after(9)
    .add(...back);
  t.deepEqual(rules(tooLate), ['will missing']);
});

test('a will that the broker had no time to note may be missing, and so may a DISCONNECT', (t) => {
  const soon = new Ledger()
    .add(ready, ...opened('w'), ...subscribed('w', 'wills/#'))
    .add(...opened('m', { isClean: true, expirySeconds: 0, will: 'wills/1' }), crash, closed('m'), ready);
  t.deepEqual(rules(soon), []);
  t.deepEqual(rules(mortal(closed('m', 'left'), crash, ready, will)), []);
});

test('a CONNACK that is read long after the crash does not say that the broker had time to note the will', (t) => {
  const [connecting, connected] = opened('m', { isClean: true, expirySeconds: 0, will: 'wills/1' });
  const late = (...before: readonly Event[]): Ledger =>
    new Ledger()
      .add({ kind: 'slots', slots: { m: 1, p: 1 } }, ready, ...opened('w'), ...subscribed('w', 'wills/#'))
      .after(5)
      .add(connecting!, ...before)
      .after(1.1)
      .add(connected!, closed('m', 'lost'), ready)
      .after(4)
      .add(sent(0), acked(0));
  t.deepEqual(rules(late(crash)), []);
  t.deepEqual(rules(late()), ['will missing']);
});

test('a client that takes its leave may not have noticed yet that the broker has died', (t) => {
  const left = (afterSeconds: number): Ledger =>
    mortal(crash).after(afterSeconds).add(closed('m', 'left'), ready, will);
  t.deepEqual(rules(left(1.5)), []);
  t.deepEqual(rules(left(4)), [NOT_DUE]);
});
