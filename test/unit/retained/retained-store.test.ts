/** The retained store against a Map, and its cursor against everything that may change under it. */
import test from 'ava';
import fc from 'fast-check';
import type { RetainedLimits } from '../../../src/plugins/api.js';
import { createMessage, type Message } from '../../../src/protocol/message.js';
import type { RetainedCursor } from '../../../workers/retained/retained-cursor.js';
import { RetainedStore, UNLIMITED } from '../../../workers/retained/retained-store.js';

function storeWith(limits: Partial<RetainedLimits> = {}): RetainedStore {
  const store = new RetainedStore(0x1234);
  store.limits = { ...UNLIMITED, ...limits };
  return store;
}

function message(topic: string, payload: string, receivedAtMs = 0, expirySeconds = -1): Message {
  return createMessage({
    topic,
    payload: Buffer.from(payload),
    qos: 0,
    retain: true,
    receivedAtMs,
    expirySeconds,
  });
}

/** MQTT's matching, written as plainly as can be. */
function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return levels.length >= i;
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

function walk(store: RetainedStore, filter: string, nowMs = 0, nodesMax = 1_000): string[] {
  const cursor = store.open(filter);
  const out: Message[] = [];
  while (!cursor.next(nowMs, 1, nodesMax, out));
  return out.map((found) => found.topicText()).sort();
}

test('[MQTT-3.3.1-5] a later message takes the place of the topic’s last one', (t) => {
  const store = storeWith();
  t.is(store.set(message('a/b', 'one', 1)), 'stored');
  t.is(store.set(message('a/b', 'two', 1)), 'replaced');
  t.is(store.get(Buffer.from('a/b'), 0)?.payload().toString(), 'two');
  t.is(store.count, 1);
});

test('[MQTT-3.3.1-6][MQTT-3.3.1-7] an empty payload removes the message and leaves nothing', (t) => {
  const store = storeWith();
  t.is(store.set(message('a/b', '')), 'absent');
  store.set(message('a/b', 'one'));
  t.is(store.set(message('a/b', '')), 'removed');
  t.is(store.get(Buffer.from('a/b'), 0), null);
  t.deepEqual([store.count, store.bytes], [0, 0]);
});

test('a write that was received earlier than what is there is ignored, and so is one before a removal', (t) => {
  const store = storeWith();
  store.set(message('a', 'new', 1_000));
  t.is(store.set(message('a', 'old', 999)), 'older');
  t.is(store.set(message('a', '', 999)), 'older');
  t.is(store.set(message('a', '', 1_001)), 'removed');
  t.is(store.set(message('a', 'old', 1_000)), 'older');
  t.is(store.set(message('b', '', 1_001)), 'absent');
  t.is(store.set(message('b', 'old', 1_000)), 'older');
  t.is(store.set(message('a', 'same time, arrived later', 1_001)), 'stored');
});

test('a write much older than what is there comes from a clock that was set back, and wins', (t) => {
  const store = storeWith();
  store.set(message('a', 'before', 3_600_000));
  t.is(store.set(message('a', 'after', 1_000)), 'replaced');
  store.set(message('b', '', 3_600_000));
  t.is(store.set(message('b', 'after', 1_000)), 'stored');
});

test('a write that was under way for long does not replace what is later than it', (t) => {
  const store = storeWith();
  store.set(message('a', 'new', 60_000), 90_000);
  t.is(store.set(message('a', 'of a shard that was away', 1_000), 90_000), 'older');
  t.is(store.set(message('a', '', 1_000), 90_000), 'older');
  store.set(message('b', '', 60_000), 90_000);
  store.sweep(90_001, 100);
  t.is(store.set(message('b', 'late', 1_000), 90_001), 'older');
});

test('while a shard is away no removal is forgotten', (t) => {
  const store = storeWith();
  store.set(message('a', '', 1_000));
  store.sweep(60_000, 100, false);
  t.is(store.set(message('a', 'late', 999), 60_000), 'older');
  store.sweep(60_000, 100);
  t.is(store.set(message('a', 'late', 999), 60_000), 'stored');
});

test('removals are forgotten once no write under way can be older', (t) => {
  const store = storeWith();
  store.set(message('a', '', 1_000));
  store.sweep(20_000, 100);
  t.is(store.set(message('a', 'late', 999)), 'stored');
});

test('a full store refuses new topics and replaces known ones', (t) => {
  const store = storeWith({ messagesMax: 2 });
  store.set(message('a', '1'));
  store.set(message('b', '1'));
  t.is(store.set(message('c', '1')), 'full');
  t.is(store.set(message('b', '2')), 'replaced');
  store.set(message('a', ''));
  t.is(store.set(message('c', '1')), 'stored');
});

test('limits that are lowered below what is there refuse what is new, and let all be replaced and removed', (t) => {
  const store = storeWith();
  for (const topic of ['a', 'b', 'c']) store.set(message(topic, '123'));
  store.limits = { ...UNLIMITED, messagesMax: 1, bytesMax: 1 };
  t.is(store.count, 3);
  t.is(store.set(message('d', '1')), 'full');
  t.is(store.set(message('a', '456')), 'replaced');
  t.is(store.set(message('b', '')), 'removed');
  t.is(store.set(message('a', '4567')), 'full');
  t.deepEqual(walk(store, '#'), ['c']);
});

test('an expiry that is set later counts for what is there', (t) => {
  const store = storeWith();
  store.set(message('a', '1', 1_000));
  store.set(message('$SYS/a', '1', 1_000));
  t.true(store.sweep(10_000, 100));
  t.is(store.count, 2);
  store.limits = { ...UNLIMITED, expiryMs: 5_000 };
  t.is(store.get(Buffer.from('a'), 6_000), null);
  t.deepEqual(walk(store, '$SYS/a', 6_000), ['$SYS/a']);
});

test('what is refused does not leave an outdated message behind', (t) => {
  const store = storeWith({ payloadBytesMax: 3 });
  store.set(message('a', '123'));
  t.is(store.set(message('a', '1234')), 'too-large');
  t.is(store.get(Buffer.from('a'), 0), null);
  const narrow = storeWith({ bytesMax: 1_000 });
  narrow.set(message('a', '123'));
  t.is(narrow.set(message('a', 'x'.repeat(2_000))), 'full');
  t.deepEqual([narrow.count, narrow.bytes], [0, 0]);
});

test('[MQTT-3.3.2-5] an expired message is neither read nor walked, and the sweep removes it', (t) => {
  const store = storeWith();
  store.set(message('a', '1', 0, 1));
  store.set(message('b', '1', 0, 2));
  store.set(message('c', '1', 0, 1));
  t.deepEqual(walk(store, '#', 1_000), ['b']);
  t.is(store.get(Buffer.from('a'), 1_000), null);
  t.is(store.count, 2);
  while (!store.sweep(1_000, 1));
  t.is(store.count, 1);
});

test('the store’s own expiry spares $SYS', (t) => {
  const store = storeWith({ expiryMs: 1_000 });
  store.set(message('a', '1', 0));
  store.set(message('$SYS/a', '1', 0));
  while (!store.sweep(1_000, 10));
  t.deepEqual([...walk(store, '#', 1_000), ...walk(store, '$SYS/#', 1_000)], ['$SYS/a']);
});

test('[MQTT-4.7.2-1] leading wildcards do not match topics that begin with $', (t) => {
  const store = storeWith();
  for (const topic of ['$SYS/a', '$x', 'a', '/$x', 'a/$x']) store.set(message(topic, '1'));
  t.deepEqual(walk(store, '#'), ['/$x', 'a', 'a/$x']);
  t.deepEqual(walk(store, '+'), ['a']);
  t.deepEqual(walk(store, '+/$x'), ['/$x', 'a/$x']);
  t.deepEqual(walk(store, '+/a'), []);
  t.deepEqual(walk(store, '$SYS/+'), ['$SYS/a']);
  t.deepEqual(walk(store, '$x/#'), ['$x']);
});

test('a topic of very many levels is stored, walked and removed without recursion', (t) => {
  const store = storeWith();
  const topic = '/'.repeat(65_535);
  store.set(message(topic, '1'));
  t.deepEqual(walk(store, '#').length, 1);
  t.deepEqual(walk(store, `${'+/'.repeat(65_535)}+`).length, 1);
  store.set(message(topic, ''));
  t.is(store.bytes, 0);
});

test('a slice does no more steps than it is told, and gives at least one message per so many bytes', (t) => {
  const store = storeWith();
  for (let i = 0; i < 100; i += 1) store.set(message(`a/${i}`, '1'));
  const cursor = store.open('#');
  const out: Message[] = [];
  let slices = 1;
  while (!cursor.next(0, 1, 1_000, out)) {
    t.is(out.length, slices);
    slices += 1;
  }
  const stepped = store.open('#');
  t.false(stepped.next(0, 1_000_000, 10, []));
  stepped.close();
  stepped.close();
  t.true(stepped.next(0, 1, 1, []));
});

const level = fc.constantFrom('', 'a', 'b', '$c');
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((text) => text !== '');
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, hasHash]) => (hasHash ? [...levels, '#'] : levels).join('/'))
  .filter((text) => text !== '');

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      topic,
      payload: fc.constantFrom('', 'x', 'xx'),
      atMs: fc.nat(20),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), filter }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('next' as const),
      pick: fc.nat(5),
      nodesMax: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), pick: fc.nat(5) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Walk {
  filter: string;
  cursor: RetainedCursor;
  /** Topics there since the walk began. */
  throughout: Set<string>;
  seen: Message[];
}

/** A store, what it must hold, and walks under way. */
class Run {
  readonly store = storeWith();
  readonly model = new Map<string, Message>();
  readonly removedAtMs = new Map<string, number>();
  walks: Walk[] = [];
  nowMs = 100;

  step(step: Step): void {
    this.nowMs += 1;
    const walk = 'pick' in step ? this.walks[step.pick] : undefined;
    if (step.kind === 'set') this.set(step);
    else if (step.kind === 'open') this.open(step.filter);
    else if (walk !== undefined && step.kind === 'next') this.next(walk, step.nodesMax);
    else if (walk !== undefined) this.close(walk);
    if (this.store.count !== this.model.size)
      throw new Error(`${this.store.count} instead of ${this.model.size}`);
  }

  private set({ topic, payload, atMs }: Step & { kind: 'set' }): void {
    const receivedAtMs = this.nowMs - atMs;
    const written = message(topic, payload, receivedAtMs);
    const change = this.store.set(written);
    const known = this.model.get(topic);
    const lastMs = known?.receivedAtMs ?? this.removedAtMs.get(topic) ?? 0;
    if ((change === 'older') !== receivedAtMs < lastMs) throw new Error('order of writes');
    if (change === 'older') return;
    if (payload !== '') {
      this.model.set(topic, written);
      return;
    }
    this.removedAtMs.set(topic, receivedAtMs);
    this.model.delete(topic);
    for (const walk of this.walks) walk.throughout.delete(topic);
  }

  private open(filter: string): void {
    const throughout = new Set([...this.model.keys()].filter((topic) => matches(filter, topic)));
    this.walks.push({ filter, cursor: this.store.open(filter), throughout, seen: [] });
  }

  next(walk: Walk, nodesMax: number): boolean {
    const out: Message[] = [];
    const isDone = walk.cursor.next(this.nowMs, 300, nodesMax, out);
    for (const found of out) {
      const topic = found.topicText();
      if (!matches(walk.filter, topic) || this.model.get(topic) !== found) throw new Error(`wrong: ${topic}`);
      if (walk.seen.some((seen) => seen.topicText() === topic)) throw new Error(`twice: ${topic}`);
      walk.seen.push(found);
    }
    if (isDone) {
      const seen = new Set(walk.seen.map((each) => each.topicText()));
      for (const topic of walk.throughout) if (!seen.has(topic)) throw new Error(`left out: ${topic}`);
      this.walks = this.walks.filter((each) => each !== walk);
    }
    return isDone;
  }

  private close(walk: Walk): void {
    walk.cursor.close();
    this.walks = this.walks.filter((each) => each !== walk);
  }

  finish(): void {
    for (const walk of this.walks) while (!this.next(walk, 3));
    for (const [topic, kept] of this.model) {
      if (this.store.get(Buffer.from(topic), this.nowMs) !== kept) throw new Error('get');
    }
    for (const topic of this.model.keys()) this.store.set(message(topic, '', this.nowMs));
    if (this.store.count !== 0 || this.store.bytes !== 0) throw new Error('something is left');
  }
}

test('the store does what a Map does; a walk gives what is there throughout exactly once', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const run = new Run();
      for (const each of steps) run.step(each);
      run.finish();
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});
