/** The in-flight window against a plain list of exchanges. */
import test from 'ava';
import fc from 'fast-check';
import { createMessage, type Message } from '../../../src/protocol/message.js';
import { PUBLISHED_QOS1, PUBLISHED_QOS2, RELEASED } from '../../../workers/session/exchange.js';
import {
  Inflight,
  PUBREC_KEPT,
  PUBREC_MISSING,
  PUBREC_OK,
  PUBREC_REPEAT,
} from '../../../workers/session/inflight.js';

function message(text: string): Message {
  return createMessage({ topic: 't', payload: Buffer.from(text), qos: 2, retain: false, receivedAtMs: 0 });
}

const group = { filter: 't', name: 'g' };

interface Exchange {
  id: number;
  state: number;
  message: Message | null;
  flags: number;
  identifiers: readonly number[] | null;
  group: object | null;
  sentAtMs: number;
}

/** What the window must be: published and released exchanges, each in its order. */
class Model {
  published: Exchange[] = [];
  released: Exchange[] = [];

  get all(): Exchange[] {
    return [...this.released, ...this.published];
  }

  find(id: number, ...states: number[]): Exchange | undefined {
    return this.all.find((exchange) => exchange.id === id && states.includes(exchange.state));
  }

  remove(gone: Exchange): void {
    this.published = this.published.filter((exchange) => exchange !== gone);
    this.released = this.released.filter((exchange) => exchange !== gone);
  }
}

function contents(window: Inflight): unknown[] {
  const found: unknown[] = [];
  for (let slot = window.first(); slot >= 0; slot = window.next(slot)) {
    found.push([
      window.idAt(slot),
      window.stateAt(slot),
      window.flagsAt(slot),
      window.messageAt(slot),
      window.identifiersAt(slot),
      window.groupAt(slot),
    ]);
  }
  return found;
}

function expected(model: Model): unknown[] {
  return model.all.map((each) => [
    each.id,
    each.state,
    each.flags,
    each.message,
    each.identifiers,
    each.group,
  ]);
}

const step = fc.oneof(
  {
    weight: 80,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      qos: fc.constantFrom(1, 2),
      flags: fc.nat(255),
      isShared: fc.boolean(),
      hasIdentifier: fc.boolean(),
    }),
  },
  {
    weight: 80,
    arbitrary: fc.record({
      kind: fc.constantFrom('acked' as const, 'received' as const, 'refused' as const, 'completed' as const),
      pick: fc.nat(60),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('overdue' as const), ageMs: fc.nat(40), accepted: fc.nat(5) }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 50 }) }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constantFrom('takeShared' as const, 'trim' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const stateAwaiting = { acked: PUBLISHED_QOS1, refused: PUBLISHED_QOS2, completed: RELEASED };

function add(
  window: Inflight,
  model: Model,
  step: Step & { kind: 'add' },
  nowMs: number,
): [unknown, unknown] {
  const added = message(`m${nowMs}`);
  const identifiers = step.hasIdentifier ? [nowMs] : null;
  const owner = step.isShared ? group : null;
  const isFull = model.all.length >= window.limit;
  const id = window.add(added, step.qos, step.flags, identifiers, owner, nowMs);
  if (isFull) return [id, 0];
  const isFresh = id >= 1 && id <= 65_535 && model.all.every((exchange) => exchange.id !== id);
  const state = step.qos === 1 ? PUBLISHED_QOS1 : PUBLISHED_QOS2;
  model.published.push({
    id,
    state,
    message: added,
    flags: step.flags,
    identifiers,
    group: owner,
    sentAtMs: nowMs,
  });
  return [isFresh, true];
}

function received(window: Inflight, model: Model, id: number, nowMs: number): [unknown, unknown] {
  const found = model.find(id, PUBLISHED_QOS2, RELEASED);
  const answer = window.received(id, nowMs);
  if (found === undefined) return [answer, PUBREC_MISSING];
  if (found.state === RELEASED) return [answer, PUBREC_REPEAT];
  model.remove(found);
  model.released.push({
    ...found,
    state: RELEASED,
    message: null,
    identifiers: null,
    group: null,
    sentAtMs: nowMs,
  });
  return [answer, PUBREC_OK];
}

function overdue(
  window: Inflight,
  model: Model,
  step: Step & { kind: 'overdue' },
  nowMs: number,
): [unknown, unknown] {
  const seen: number[] = [];
  window.overdue(nowMs, step.ageMs, (slot) => {
    seen.push(window.idAt(slot));
    return seen.length <= step.accepted;
  });
  const due = model.all.filter((exchange) => nowMs - exchange.sentAtMs >= step.ageMs);
  for (const exchange of due.slice(0, step.accepted)) exchange.sentAtMs = nowMs;
  return [seen, due.slice(0, step.accepted + 1).map((exchange) => exchange.id)];
}

function takeShared(window: Inflight, model: Model): [unknown, unknown] {
  const taken: unknown[] = [];
  const isGiven = new Set(model.published.filter((_, place) => place % 3 !== 0).map((each) => each.message));
  window.takeShared((message, owner) => isGiven.has(message) && taken.push([message, owner]) > 0);
  const shared = model.published.filter(
    (each) => each.group !== null && each.state === PUBLISHED_QOS1 && isGiven.has(each.message),
  );
  for (const exchange of shared) model.remove(exchange);
  return [taken, shared.map((exchange) => [exchange.message, exchange.group])];
}

/** One step on both sides; what they answer must be the same. */
function run(window: Inflight, model: Model, step: Step, nowMs: number): [unknown, unknown] {
  switch (step.kind) {
    case 'add':
      return add(window, model, step, nowMs);
    case 'acked':
    case 'refused':
    case 'completed': {
      const id = model.all[step.pick]?.id ?? step.pick;
      const found = model.find(id, stateAwaiting[step.kind]);
      if (found !== undefined) model.remove(found);
      return [window[step.kind](id), found !== undefined];
    }
    case 'received':
      return received(window, model, model.all[step.pick]?.id ?? step.pick, nowMs);
    case 'overdue':
      return overdue(window, model, step, nowMs);
    case 'limit':
      window.limit = step.limit;
      return [window.limit, step.limit];
    case 'takeShared':
      return takeShared(window, model);
    case 'clear':
      window.clear();
      model.published = [];
      model.released = [];
      return [window.first(), -1];
    case 'trim':
      window.trim();
      return [window.size, model.all.length];
  }
}

test('[MQTT-2.2.1-3][v3 MQTT-4.6.0-1][v3 MQTT-4.6.0-4] the window does what a list of exchanges does', (t) => {
  const steps = fc.array(step, { maxLength: 200, size: 'max' });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 50 }), (steps, limit) => {
      const window = new Inflight(limit);
      const model = new Model();
      // Close to where 32 bits of milliseconds wrap.
      let nowMs = 0x7fffffff - 100;
      for (const each of steps) {
        nowMs += 1;
        const [got, want] = run(window, model, each, nowMs);
        if (JSON.stringify(got) !== JSON.stringify(want))
          throw new Error(`${each.kind}: ${got}, not ${want}`);
        const bytes = model.published.reduce((sum, exchange) => sum + exchange.message!.size, 0);
        if (window.size !== model.all.length || window.bytes !== bytes) throw new Error('size or bytes');
        if (JSON.stringify(contents(window)) !== JSON.stringify(expected(model))) throw new Error('contents');
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('[MQTT-2.2.1-3] a packet id in use is passed over when the ids come round again', (t) => {
  const window = new Inflight(3);
  const held = window.add(message('held'), 1, 0, null, null, 0);
  const seen = new Set<number>();
  for (let i = 0; i < 70_000; i += 1) {
    const id = window.add(message('m'), 1, 0, null, null, 0);
    seen.add(id);
    window.acked(id);
  }
  // All but those whose slot the held one occupies.
  t.true(seen.size > 40_000);
  t.false(seen.has(0) || seen.has(held));
  t.is(window.size, 1);
});

test('a window of 65,535 uses every packet id at once and then is full', (t) => {
  const window = new Inflight(100_000);
  const ids = new Set<number>();
  for (let i = 0; i < 65_535; i += 1) ids.add(window.add(message('m'), 2, 0, null, null, 0));
  t.is(ids.size, 65_535);
  t.is(window.add(message('m'), 1, 0, null, null, 0), 0);
  t.true(window.refused(777));
  t.is(window.add(message('m'), 1, 0, null, null, 0), 777);
});

test('a lower limit after reconnecting keeps what is under way and only stops new messages', (t) => {
  const window = new Inflight(10);
  const ids = [1, 2, 3].map(() => window.add(message('m'), 1, 0, null, null, 0));
  window.limit = 1;
  t.is(window.add(message('m'), 1, 0, null, null, 0), 0);
  for (const id of ids) t.true(window.acked(id));
  t.not(window.add(message('m'), 1, 0, null, null, 0), 0);
});

test('an acknowledgement of the wrong kind changes nothing', (t) => {
  const window = new Inflight(10);
  const one = window.add(message('one'), 1, 0, null, null, 0);
  const two = window.add(message('two'), 2, 0, null, null, 0);
  t.false(window.acked(two));
  t.false(window.completed(two));
  t.false(window.refused(one));
  t.is(window.received(one, 0), PUBREC_MISSING);
  t.is(window.size, 2);
  t.is(window.received(two, 0), PUBREC_OK);
  t.false(window.refused(two));
  t.true(window.completed(two));
});

test('what is restored lies in its order whatever its ids are, beyond the limit too, and the next id follows', (t) => {
  const window = new Inflight(2);
  // All with the same low bits.
  const ids = [64, 4_096, 1, 65_472, 32_768];
  t.true(window.restore(ids[0]!, RELEASED, null, 0, null, null, 0));
  for (const id of ids.slice(1))
    t.true(window.restore(id, PUBLISHED_QOS2, message(`${id}`), 1, [7], group, 0));
  for (const [i, id] of ids.entries()) window.setEntry(id, 2 ** 33 + i);
  t.false(window.restore(1, PUBLISHED_QOS1, message('again'), 0, null, null, 0));
  const found: unknown[] = [];
  for (let slot = window.first(); slot >= 0; slot = window.next(slot)) {
    found.push([window.idAt(slot), window.entryAt(slot) - 2 ** 33, window.groupAt(slot)]);
  }
  t.deepEqual(
    found,
    ids.map((id, i) => [id, i, i === 0 ? null : group]),
  );
  t.is(window.add(message('full'), 1, 0, null, null, 0), 0);
  for (const id of [4_096, 1, 65_472]) {
    t.is(window.received(id, 0), PUBREC_KEPT);
    window.released(window.slotOf(id));
    t.true(window.completed(id));
    t.is(window.lastEntry, 2 ** 33 + ids.indexOf(id));
  }
  t.true(window.completed(64));
  t.is(window.add(message('next'), 1, 0, null, null, 0), 32_769);
});
