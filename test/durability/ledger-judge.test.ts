/** Every rule of the ledger's judge finds the fault that it is for, and nothing in a ledger without faults. */
import test from 'ava';
import type { Event } from './ledger/entries.js';
import {
  acked,
  begun,
  closed,
  crash,
  full,
  Ledger,
  opened,
  ready,
  readyAlone,
  received,
  room,
  rules,
  sent,
  subscribed,
  TOPIC,
  unsubscribed,
} from './ledger/examples.js';
import { judge, owed } from './ledger/judge.js';
import { payloadOf, seqOf } from './ledger/payload.js';
import { Random } from './ledger/random.js';
import { standing, timelines } from './ledger/timeline.js';

const MISSING = 'acknowledged, and missing';
const UNASKED = 'not subscribed';

test('a ledger without faults is found to be one', (t) => {
  const ledger = begun()
    .add(sent(0), acked(0), received(0), sent(1), crash, closed('s'), closed('p'), ready)
    .add(...opened('p', { isPresent: true }), ...opened('s', { isPresent: true }))
    .add(acked(1), received(1), sent(2), received(2), acked(2));
  t.deepEqual(judge(ledger.entries), []);
});

test('acknowledged and missing is a fault, at QoS 1 and 2, and may come until the end', (t) => {
  for (const qos of [1, 2]) {
    const ledger = begun().add(sent(0, TOPIC, { qos }), acked(0));
    t.deepEqual(rules(ledger), [MISSING]);
    t.is(owed(ledger.entries).length, 1);
    ledger.add(received(0, 's', TOPIC, qos));
    t.deepEqual(judge(ledger.entries), []);
  }
});

test('what was not acknowledged, refused, sent before SUBACK or acknowledged about when UNSUBSCRIBE was sent may be missing', (t) => {
  const ledger = new Ledger()
    .add(ready, ...opened('p'), ...opened('s'), sent(0), ...subscribed('s'), acked(0))
    .add(sent(1), { kind: 'refused', client: 'p', topic: TOPIC, seq: 1 })
    .add(sent(2), acked(2), sent(3), ...unsubscribed('s'), acked(3));
  t.deepEqual(judge(ledger.entries), []);
});

test('a subscription that was acknowledged and not ended is owed its messages over a crash', (t) => {
  const ledger = begun()
    .add(crash, closed('s'), ready, ...opened('s', { isPresent: true }))
    .add(sent(0), acked(0));
  t.deepEqual(rules(ledger), [MISSING]);
});

test('what was left in a queue before UNSUBSCRIBE is owed', (t) => {
  const ledger = begun()
    .add(sent(0), acked(0))
    .after(4)
    .add(...unsubscribed('s'));
  t.deepEqual(rules(ledger), [MISSING]);
});

const both: readonly Event[] = [...opened('p'), ...opened('s'), ...opened('u')];
const slots = (of: Readonly<Record<string, number>>): Event => ({ kind: 'slots', slots: of });

test('a message has come to another shard when a later one has, with QoS 2: it is owed, or a fault', (t) => {
  const apart = slots({ p: 0, s: 4, u: 1 });
  const owing = (where: Event, qos: number, ...between: readonly Event[]): Ledger =>
    new Ledger()
      .add(where, ready, ...both, ...subscribed('s'), ...subscribed('u', 't/#', qos), sent(0), acked(0))
      .add(
        sent(1),
        ...between,
        received(1, 'u', TOPIC, qos),
        ...unsubscribed('s'),
        received(0, 'u', TOPIC, qos),
      );
  const missing = (...given: Parameters<typeof owing>): boolean => rules(owing(...given)).includes(MISSING);
  t.true(missing(apart, 2));
  // It is not committed there; somebody else's; nobody knows where it was.
  t.false(missing(apart, 1));
  t.false(missing(slots({ p: 0, s: 4, u: 2 }), 2));
  t.false(missing(apart, 2, crash, ready));
  const asking = (...between: readonly Event[]): Ledger =>
    new Ledger()
      .add(apart, ready, ...both, ...subscribed('u'), sent(0), acked(0), sent(1), received(0, 'u'))
      .add(...between, ...subscribed('s'), received(0));
  t.deepEqual(rules(asking()), []);
  t.deepEqual(rules(asking(received(1, 'u'))), [UNASKED]);
});

test('on its own shard a message has come when it is acknowledged', (t) => {
  const come = (...at: readonly Event[]): Ledger =>
    new Ledger().add(...at, ready, ...both, sent(0), acked(0), ...subscribed('s'), received(0));
  t.deepEqual(rules(come()), []);
  t.deepEqual(rules(come(slots({ p: 0, s: 1 }))), []);
  t.deepEqual(rules(come(slots({ p: 0, s: 3 }))), [UNASKED]);
});

test('the session that followed another is owed nothing of what was sent before', (t) => {
  const ledger = begun()
    .add(sent(0), acked(0), closed('s', 'left'))
    .add(...opened('s', { isClean: true }), ...subscribed('s'));
  t.deepEqual(judge(ledger.entries), []);
});

test('a group is owed each message once, whoever of its members gets it', (t) => {
  const filter = '$share/g/t/#';
  const group = (): Ledger =>
    new Ledger()
      .add(ready, ...opened('p'), ...opened('s'), ...opened('u'))
      .add(...subscribed('s', filter), ...subscribed('u', filter), sent(0), acked(0));
  t.deepEqual(rules(group()), [MISSING]);
  t.deepEqual(rules(group().add(received(0, 'u'))), []);
  t.deepEqual(rules(group().add(received(0, 'u'), received(0, 's'))), ['twice at QoS 2']);
});

test('twice is a fault at QoS 2, and at QoS 1 where nobody died, came back or may have published it again', (t) => {
  const back = opened('s', { isPresent: true });
  const twice = (qos: number, ...between: readonly Event[]): Ledger => {
    const got = received(0, 's', TOPIC, qos);
    return begun().add(sent(0, TOPIC, { qos }), got, ...between, got, acked(0));
  };
  for (const between of [[], [crash, ready], [closed('s'), ...back], [closed('p'), ...opened('p')]]) {
    t.deepEqual(rules(twice(2, ...between)), ['twice at QoS 2']);
    t.deepEqual(rules(twice(1, ...between)), between.length === 0 ? ['twice without a cause'] : []);
  }
});

test('a later message before an earlier one is a fault; an earlier one again is none', (t) => {
  const two = (): Ledger =>
    begun().add(...[0, 1].flatMap((seq) => [sent(seq, TOPIC, { qos: 1 }), acked(seq)]));
  const got = (seq: number): Event => received(seq, 's', TOPIC, 1);
  t.deepEqual(rules(two().add(got(1), got(0))), ['out of order']);
  const back = opened('s', { isPresent: true });
  t.deepEqual(rules(two().add(got(0), got(1), closed('s'), ...back, got(0), got(1))), []);
});

test('of messages that were sent before SUBACK a later one may be the first where the other came again', (t) => {
  const ledger = (...between: readonly Event[]): Ledger =>
    new Ledger()
      .add(ready, ...opened('p'), ...opened('s'), sent(0, TOPIC, { qos: 1 }))
      .add(...subscribed('s'), sent(1, TOPIC, { qos: 1 }), received(1, 's', TOPIC, 1), ...between)
      .add(received(0, 's', TOPIC, 1), acked(0), acked(1));
  t.deepEqual(rules(ledger(crash, ready)), []);
  t.deepEqual(rules(ledger(closed('p'), ...opened('p'))), []);
  t.deepEqual(rules(ledger(...unsubscribed('s'), ...subscribed('s'), crash, ready)), []);
  t.deepEqual(rules(ledger()), ['out of order']);
});

test('what nobody has published, or not yet, is a fault', (t) => {
  t.deepEqual(rules(begun().add(received(7))), ['never published']);
  t.deepEqual(rules(begun().add(received(0), sent(0))), ['never published']);
});

test('what was published after UNSUBACK is a fault, also after a crash', (t) => {
  const ledger = begun().add(...unsubscribed('s'), crash, closed('s'), ready);
  ledger.add(...opened('s', { isPresent: true }), sent(0), acked(0), received(0));
  t.deepEqual(rules(ledger), [UNASKED]);
});

test('what was acknowledged long before SUBSCRIBE is a fault; right after a start it may have been under way', (t) => {
  const late = (...between: readonly Event[]): Ledger =>
    new Ledger()
      .add(ready, ...opened('p'), sent(0), acked(0))
      .after(2)
      .add(...between)
      .after(2)
      .add(...opened('s'), ...subscribed('s'), received(0));
  t.deepEqual(rules(late()), [UNASKED]);
  t.deepEqual(rules(late(crash, ready)), []);
});

test('while nothing can be stored, what was acknowledged may be under way to another shard', (t) => {
  const ledger = begun().add(full, sent(0), acked(0)).after(4);
  ledger
    .add(...unsubscribed('s'), room)
    .after(4)
    .add(...subscribed('s'), sent(1), acked(1));
  t.deepEqual(rules(ledger.add(received(1))), []);
  const before = begun()
    .add(sent(0), acked(0))
    .after(4)
    .add(...unsubscribed('s'));
  t.deepEqual(rules(before), [MISSING]);
});

test('a repeat at QoS 2 is no fault when PUBREC may have refused it, on a connection that was lost', (t) => {
  const resent: Event = { kind: 'resent', client: 'p', topic: TOPIC, seq: 0 };
  const twice = (first: readonly Event[], seconds: number): Ledger =>
    begun()
      .add(...first, sent(0), received(0))
      .after(seconds)
      .add(resent, received(0), acked(0), room);
  t.deepEqual(rules(twice([full], 11)), []);
  t.deepEqual(rules(twice([full], 9)), ['twice at QoS 2']);
  t.deepEqual(rules(twice([], 11)), ['twice at QoS 2']);
});

test('with one shard what was acknowledged has arrived: right before UNSUBSCRIBE it is owed, right after SUBSCRIBE a fault', (t) => {
  const begin = (first: Event): Ledger => new Ledger().add(first, ...opened('p'), ...opened('s'));
  const left = (first: Event): Ledger =>
    begin(first).add(...subscribed('s'), sent(0), acked(0), ...unsubscribed('s'));
  const come = (first: Event): Ledger => begin(first).add(sent(0), acked(0), ...subscribed('s'), received(0));
  t.deepEqual(rules(left(ready)), []);
  t.deepEqual(rules(left(readyAlone)), [MISSING]);
  t.deepEqual(rules(come(ready)), []);
  t.deepEqual(rules(come(readyAlone)), [UNASKED]);
});

test('what an ended session was sent is a fault in the next one', (t) => {
  const ledger = begun()
    .add(sent(0), acked(0), closed('s', 'left'))
    .after(4)
    .add(...opened('s', { isClean: true }), ...subscribed('s'), received(0));
  t.deepEqual(rules(ledger), [UNASKED]);
});

test('a QoS other than the lesser of both is a fault', (t) => {
  const ledger = begun().add(sent(0), acked(0), received(0, 's', TOPIC, 1));
  t.deepEqual(rules(ledger), ['wrong QoS']);
});

test('a session that was confirmed and is gone is a fault, unless it was not confirmed or has expired', (t) => {
  const again = (confirming: readonly Event[], awaySeconds: number, expirySeconds = 10): Ledger =>
    new Ledger()
      .add(ready, ...opened('s', { expirySeconds }), ...confirming, crash, closed('s'), ready)
      .after(awaySeconds)
      .add(...opened('s', { expirySeconds }));
  t.deepEqual(rules(again(subscribed('s'), 1)), ['session']);
  t.deepEqual(rules(again([], 1)), []);
  t.deepEqual(rules(again(subscribed('s'), 11)), []);
  // What was before the message that is acknowledged is stored with it.
  const published = [sent(0, TOPIC, { qos: 1 }), { ...acked(0), client: 's' } as Event];
  t.deepEqual(rules(again(published, 1)), ['session']);
});

test('a crash may forget that a client was back for a moment, and its absence goes on', (t) => {
  const gone = (...between: readonly Event[]): Ledger =>
    new Ledger()
      .add(ready, ...opened('s', { expirySeconds: 3 }), ...subscribed('s'), closed('s', 'dropped'))
      .after(2)
      .add(...opened('s', { isPresent: true, expirySeconds: 3 }), closed('s', 'dropped'), ...between)
      .after(2)
      .add(...opened('s', { expirySeconds: 3 }));
  t.deepEqual(rules(gone(crash, ready)), []);
  t.deepEqual(rules(gone()), ['session']);
});

test('a session that has expired, or never was, or is begun anew, and is present, is a fault', (t) => {
  const back = (awaySeconds: number): Ledger =>
    new Ledger()
      .add(ready, ...opened('s', { expirySeconds: 2 }), ...subscribed('s'), closed('s', 'left'))
      .after(awaySeconds)
      .add(...opened('s', { isPresent: true, expirySeconds: 2 }));
  t.deepEqual(rules(back(1)), []);
  t.deepEqual(rules(back(10)), ['session']);
  t.deepEqual(rules(new Ledger().add(ready, ...opened('s', { isPresent: true }))), ['session']);
  const clean = begun().add(closed('s'), ...opened('s', { isClean: true, isPresent: true }));
  t.deepEqual(rules(clean), ['session']);
});

test('a session may have begun with a CONNECT whose answer was lost, after the one before had expired', (t) => {
  const found = (awaySeconds: number, waitedSeconds = 0): Ledger =>
    new Ledger()
      .add(
        ready,
        ...opened('p'),
        ...opened('s', { expirySeconds: 2 }),
        ...subscribed('s'),
        closed('s', 'left'),
      )
      .after(awaySeconds)
      .add(...opened('s', { expirySeconds: 2 }).slice(0, 1), closed('s'), sent(0), acked(0))
      .after(waitedSeconds)
      .add(...opened('s', { expirySeconds: 2, isPresent: true }));
  t.deepEqual(rules(found(3)), []);
  t.deepEqual(rules(found(3).add(received(0))), []);
  t.deepEqual(rules(found(1)), [MISSING]);
  // The first one may have waited for its shard until then.
  t.deepEqual(rules(found(1, 2)), []);
});

const retained = (ledger: Ledger, found: readonly number[], isLast: boolean): Event => ({
  ...{ kind: 'retained', filter: 'r/#', askedUs: ledger.nowUs, isLast },
  found: found.map((seq) => ({ topic: 'r/1', seq })),
});
const audited = (found: readonly number[], ...events: readonly Event[]): string[] => {
  const ledger = new Ledger().add(ready, ...opened('p'), ...events).after(5);
  return [true, false].flatMap((isLast) => {
    const asked = new Ledger();
    asked.entries.push(...ledger.entries);
    asked.after(ledger.nowUs).add(retained(ledger, found, isLast));
    return rules(asked);
  });
};

test('retained is what was acknowledged last, or a later one; older or none is a fault', (t) => {
  const set = (seq: number): Event => sent(seq, 'r/1');
  const done = (seq: number): Event => acked(seq, 'r/1');
  const all = [set(0), done(0), set(1), done(1), set(2)];
  t.deepEqual(audited([1], ...all), []);
  t.deepEqual(audited([2], ...all), []);
  t.deepEqual(audited([0], ...all), ['retained', 'retained']);
  t.deepEqual(audited([7], ...all), ['retained', 'retained']);
  // That nothing is there is seen only where nobody waits for more.
  t.deepEqual(audited([], ...all), ['retained']);
  t.deepEqual(audited([], set(0)), []);
});

test('what was removed is not retained, and what may have been removed may be gone', (t) => {
  const set = [sent(0, 'r/1'), acked(0, 'r/1')];
  const removal = sent(1, 'r/1', { isRemoval: true });
  t.deepEqual(audited([], ...set, removal), []);
  t.deepEqual(audited([0], ...set, removal), []);
  t.deepEqual(audited([], ...set, removal, acked(1, 'r/1')), []);
  t.deepEqual(audited([0], ...set, removal, acked(1, 'r/1')), ['retained', 'retained']);
});

test('what a client has seen of a broken rule is a fault', (t) => {
  const ledger = begun().add({ kind: 'broken', client: 's', what: 'packet id used twice' });
  t.deepEqual(rules(ledger), ['rule of the protocol']);
});

test('for those who look for the cause: what concerns a fault, and where everybody stands', (t) => {
  const { entries } = begun().add(sent(0), sent(1), acked(1), closed('p'), ...opened('u'));
  const faults = judge(entries);
  t.deepEqual(
    faults.map(({ what }) => what),
    ['t/p/q2 1 at s'],
  );
  const [text = ''] = timelines(entries, faults);
  const kinds = text.split('\n').map((line) => line.trim().split(' ')[1]);
  t.deepEqual(kinds.slice(1), [
    'broker',
    'connecting',
    'connected',
    'subscribing',
    'subscribed',
    'sent',
    'acked',
  ]);
  t.regex(standing(entries, entries.at(-1)!.atUs), /2 sent p.*; not connected: p closed$/);
});

test('a payload names its message, and damage is seen', (t) => {
  for (const bytes of [0, 30, 5_000]) t.is(seqOf('t/1', payloadOf('t/1', 42, bytes)), 42);
  const payload = payloadOf('t/1', 42, 100);
  t.is(seqOf('t/2', payload), null);
  t.is(seqOf('t/1', payload.slice(1)), null);
  t.is(seqOf('t/1', payload.replace('x', 'y')), null);
  t.is(seqOf('t/1', ''), null);
});

test('a seed repeats its numbers, and others differ', (t) => {
  const numbers = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 100 }, () => random.between(1, 6));
  };
  t.deepEqual(numbers(7), numbers(7));
  t.notDeepEqual(numbers(7), numbers(8));
  t.deepEqual([...new Set(numbers(7))].sort(), [1, 2, 3, 4, 5, 6]);
});
