/** The message queue, of both types, against a plain list. */
import test from 'ava';
import fc from 'fast-check';
import { createMessage, type Message } from '../../../src/protocol/message.js';
import { MessageQueue, type QueueLimits, type QueueOwner } from '../../../workers/session/message-queue.js';
import { QueuedMessage } from '../../../workers/session/message-ring.js';
import { TopicPriorities } from '../../../workers/session/topic-priorities.js';

function message(topic: string, payloadBytes = 0, expirySeconds = -1): Message {
  const payload = new Uint8Array(payloadBytes);
  return createMessage({ topic, payload, qos: 1, retain: false, receivedAtMs: 0, expirySeconds });
}

/** Remembers what a queue has told its owner. */
class Owner implements QueueOwner {
  dropped: [Message, string][] = [];
  marks: [string, number][] = [];

  onQueueDrop(message: Message, reason: string): void {
    this.dropped.push([message, reason]);
  }

  onQueueMark(mark: string, length: number): void {
    this.marks.push([mark, length]);
  }
}

const plain: QueueLimits = {
  messagesMax: 10,
  bytesMax: 0,
  highWatermark: 0.6,
  lowWatermark: 0.2,
  priorities: null,
};
const group = { filter: 't', name: 'g' };

function topics(queue: MessageQueue, nowMs = 0): string[] {
  const out = new QueuedMessage();
  const seen: string[] = [];
  while (queue.shift(nowMs, out)) seen.push(out.message!.topicText());
  return seen;
}

test('overflow drops the oldest first and tells of each', (t) => {
  const owner = new Owner();
  const queue = new MessageQueue({ ...plain, messagesMax: 2 }, owner);
  for (const topic of ['a', 'b', 'c', 'd']) t.true(queue.push(message(topic), 1, 0, null, null));
  const dropped = owner.dropped.map(([dropped, reason]) => `${dropped.topicText()} ${reason}`);
  t.deepEqual(dropped, ['a overflow', 'b overflow']);
  t.deepEqual(topics(queue), ['c', 'd']);
});

test('a message larger than the whole queue may be is dropped itself, and pushes nothing out', (t) => {
  const owner = new Owner();
  const small = message('small');
  const queue = new MessageQueue({ ...plain, bytesMax: small.size + 100 }, owner);
  queue.push(small, 1, 0, null, null);
  t.false(queue.push(message('large', 1_000), 1, 0, null, null));
  t.is(owner.dropped.length, 1);
  t.deepEqual(topics(queue), ['small']);
});

test('the alarm is raised above the high mark and cleared below the low one, once each', (t) => {
  const owner = new Owner();
  const queue = new MessageQueue(plain, owner);
  for (let i = 0; i < 8; i += 1) queue.push(message('t'), 1, 0, null, null);
  t.deepEqual(owner.marks, [['high', 7]]);
  topics(queue);
  const both = [
    ['high', 7],
    ['low', 1],
  ];
  t.deepEqual(owner.marks, both as typeof owner.marks);
});

test('a queue whose low mark is zero clears its alarm when it is empty', (t) => {
  const owner = new Owner();
  const queue = new MessageQueue({ ...plain, messagesMax: 2, highWatermark: 0.5 }, owner);
  queue.push(message('a'), 1, 0, null, null);
  t.is(owner.marks.length, 0);
  queue.push(message('b'), 1, 0, null, null);
  t.deepEqual(topics(queue), ['a', 'b']);
  t.is(owner.marks.map(([mark]) => mark).join(), 'high,low');
});

test('expired messages are passed over when their turn comes, and told of', (t) => {
  const owner = new Owner();
  const queue = new MessageQueue(plain, owner);
  queue.push(message('soon', 0, 1), 1, 0, null, null);
  queue.push(message('later', 0, 10), 1, 0, null, null);
  queue.push(message('soon too', 0, 1), 1, 0, null, null);
  t.deepEqual(topics(queue, 1_000), ['later']);
  t.is(owner.dropped.map(([, reason]) => reason).join(), 'expired,expired');
  t.is(queue.bytes, 0);
});

test('larger priorities go first, unlisted topics have 0, and overflow takes from the lowest', (t) => {
  const owner = new Owner();
  const listed = { high: 255, mid: 7, 'also mid': 7, zero: 0 };
  const priorities = new TopicPriorities(new Map(Object.entries(listed)));
  t.is(priorities.lanes, 3);
  const queue = new MessageQueue({ ...plain, messagesMax: 4, priorities }, owner);
  for (const topic of ['other', 'mid', 'high', 'also mid', 'high'])
    queue.push(message(topic), 1, 0, null, null);
  t.false(queue.push(message('zero'), 1, 0, null, null));
  t.is(owner.dropped.map(([dropped]) => dropped.topicText()).join(), 'other,zero');
  t.deepEqual(topics(queue), ['high', 'high', 'mid', 'also mid']);
});

interface Entry {
  message: Message;
  qos: number;
  flags: number;
  identifiers: readonly number[] | null;
  group: object | null;
}

const priorityOf: Record<string, number> = { p0: 0, p1: 1, p9: 9 };
const someTopics = new TopicPriorities(new Map(Object.entries(priorityOf)));

const step = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      topic: fc.constantFrom('p0', 'p1', 'p9', 'unlisted'),
      payloadBytes: fc.nat(400),
      expirySeconds: fc.integer({ min: -1, max: 30 }),
      flags: fc.nat(255),
      qos: fc.nat(2),
      hasIdentifier: fc.boolean(),
      isShared: fc.boolean(),
    }),
  },
  { weight: 40, arbitrary: fc.record({ kind: fc.constant('shift' as const), laterMs: fc.nat(2_000) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('takeShared' as const), qos: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The queue as a list in the order of arrival. */
class Model {
  entries: Entry[] = [];
  dropped: Message[] = [];

  constructor(
    readonly limits: QueueLimits,
    readonly priority: (entry: Entry) => number,
  ) {}

  get bytes(): number {
    return this.entries.reduce((sum, entry) => sum + entry.message.size, 0);
  }

  /** By descending priority; sorting keeps the order of equals. */
  get ordered(): Entry[] {
    return [...this.entries].sort((a, b) => this.priority(b) - this.priority(a));
  }

  push(entry: Entry): void {
    const { messagesMax, bytesMax } = this.limits;
    if (entry.message.size > bytesMax) {
      this.dropped.push(entry.message);
      return;
    }
    while (this.entries.length >= messagesMax || this.bytes + entry.message.size > bytesMax) {
      const lowest = Math.min(...this.entries.map(this.priority));
      if (lowest > this.priority(entry)) {
        this.dropped.push(entry.message);
        return;
      }
      this.drop(this.entries.find((each) => this.priority(each) === lowest)!);
    }
    this.entries.push(entry);
  }

  shift(nowMs: number): Entry | null {
    for (;;) {
      const first = this.ordered[0];
      if (first === undefined) return null;
      if (first.message.expiresAtMs > nowMs) {
        this.entries = this.entries.filter((entry) => entry !== first);
        return first;
      }
      this.drop(first);
    }
  }

  private drop(gone: Entry): void {
    this.entries = this.entries.filter((entry) => entry !== gone);
    this.dropped.push(gone.message);
  }
}

function entryOf(out: QueuedMessage): Entry {
  const { message, qos, flags, identifiers, group } = out;
  return { message: message!, qos, flags, identifiers, group };
}

/** One step on both sides; what they answer must be the same. */
function run(queue: MessageQueue, model: Model, step: Step, nowMs: number): [unknown, unknown] {
  const out = new QueuedMessage();
  switch (step.kind) {
    case 'push': {
      const { qos, flags } = step;
      const identifiers = step.hasIdentifier ? [nowMs] : null;
      const owner = step.isShared ? group : null;
      const pushed = message(step.topic, step.payloadBytes, step.expirySeconds);
      queue.push(pushed, qos, flags, identifiers, owner);
      model.push({ message: pushed, qos, flags, identifiers, group: owner });
      return [queue.peek(), model.ordered[0]?.message ?? null];
    }
    case 'shift':
      return [queue.shift(nowMs, out) ? entryOf(out) : null, model.shift(nowMs)];
    case 'takeShared': {
      const taken: Entry[] = [];
      const isWanted = ({ qos, group: owner }: Entry) => owner !== null && qos === step.qos;
      queue.takeShared(out, (offered) => isWanted(entryOf(offered)) && taken.push(entryOf(offered)) > 0);
      const shared = model.ordered.filter(isWanted);
      model.entries = model.entries.filter((entry) => !isWanted(entry));
      return [taken, shared];
    }
    case 'clear':
      queue.clear();
      model.entries = [];
      return [queue.size, 0];
  }
}

function compare(priorities: TopicPriorities | null, steps: Step[], messagesMax: number): void {
  const limits: QueueLimits = { ...plain, messagesMax, bytesMax: 6_000, priorities };
  const owner = new Owner();
  const queue = new MessageQueue(limits, owner);
  const model = new Model(limits, (entry) =>
    priorities === null ? 0 : (priorityOf[entry.message.topicText()] ?? 0),
  );
  let nowMs = 0;
  for (const each of steps) {
    nowMs += each.kind === 'shift' ? each.laterMs : 0;
    const [got, want] = run(queue, model, each, nowMs);
    if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${each.kind}: wrong answer`);
    if (queue.size !== model.entries.length || queue.bytes !== model.bytes) throw new Error('size or bytes');
    if (owner.dropped.length !== model.dropped.length) throw new Error('drops');
    if (owner.dropped.some(([dropped], i) => dropped !== model.dropped[i])) throw new Error('drops');
  }
  for (const [i, [mark]] of owner.marks.entries()) {
    if (mark !== (i % 2 === 0 ? 'high' : 'low')) throw new Error('marks do not alternate');
  }
}

const steps = fc.array(step, { maxLength: 150, size: 'max' });
const lengthMax = fc.integer({ min: 1, max: 40 });

test('a queue of the type simple does what a list does', (t) => {
  fc.assert(
    fc.property(steps, lengthMax, (steps, max) => compare(null, steps, max)),
    { numRuns: 300 },
  );
  t.pass();
});

test('a queue of the type priority does what a sorted list does', (t) => {
  fc.assert(
    fc.property(steps, lengthMax, (steps, max) => compare(someTopics, steps, max)),
    { numRuns: 300 },
  );
  t.pass();
});
