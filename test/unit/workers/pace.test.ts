/** Pauses between turns, with several kinds of clients; what turns cost is counted, and no time is taken. */
import test from 'ava';
import fc from 'fast-check';
import {
  PACE_LONG_PERIOD_MS,
  PACE_PAUSE_MS_MIN,
  PACE_RATE_FOR_COST,
  PACE_TRIAL_BLOCK_MS,
  PACE_TRIAL_BLOCKS,
  PACE_TRIAL_EVERY_MAX,
} from '../../../src/limits.js';
import { Pace } from '../../../workers/pace.js';

/** A read and a write, and one message in them, in milliseconds. */
const CALLS_MS = 0.01;
const MESSAGE_MS = 0.0005;
const WALL_MS = 1_700_000_000_000;
/** Until a trial has come that was not to be for a while, and is over. */
const TRIED_MS = (PACE_TRIAL_EVERY_MAX + 1) * PACE_TRIAL_BLOCKS * PACE_TRIAL_BLOCK_MS;

interface Client {
  /** When its next messages come, and how many. */
  nextMs: number;
  /** @returns messages that have come by `nowMs`; they are handled at `doneMs` */
  take(nowMs: number, doneMs: number): number;
}

/** Sends as it likes. */
class Steady implements Client {
  nextMs: number;
  constructor(
    private readonly everyMs: number,
    offsetMs: number,
  ) {
    this.nextMs = offsetMs;
  }
  take(nowMs: number): number {
    let count = 0;
    for (; this.nextMs <= nowMs; this.nextMs += this.everyMs) count++;
    return count;
  }
}

/** Sends the more the more is taken at once, as that costs it less. */
class Thrifty implements Client {
  constructor(
    private readonly everyMs: number,
    public nextMs: number,
  ) {}
  take(nowMs: number): number {
    let count = 0;
    for (; this.nextMs <= nowMs; this.nextMs += this.everyMs * (0.4 + 0.6 / count)) count++;
    return count;
  }
}

/** Sends so many when it has got the answer to the last, sooner or later: else all would come together for ever. */
class Waiting implements Client {
  private seed: number;
  constructor(
    private readonly window: number,
    public nextMs: number,
  ) {
    this.seed = 1 + Math.round(nextMs * 1_000);
  }
  take(_nowMs: number, doneMs: number): number {
    this.seed = (this.seed * 16_807) % 2_147_483_647;
    this.nextMs = doneMs + (this.seed % 1_000) / 10_000;
    return this.window;
  }
}

class World {
  nowMs = 0;
  messages = 0;
  reads = 0;
  workMs = 0;
  constructor(
    public clients: readonly Client[],
    private readonly pace: Pace | null,
  ) {}

  run(ms: number): this {
    const untilMs = this.nowMs + ms;
    this.messages = this.reads = this.workMs = 0;
    while (this.nowMs < untilMs) this.turn();
    return this;
  }

  get perRead(): number {
    return this.messages / this.reads;
  }

  private turn(): void {
    const beginMs = Math.max(this.nowMs, Math.min(...this.clients.map(({ nextMs }) => nextMs)));
    const ready = this.clients.filter(({ nextMs }) => nextMs <= beginMs);
    // Answers leave at the end of the turn, or somewhat before.
    const doneMs = beginMs + ready.length * CALLS_MS;
    let packets = 0;
    for (const client of ready) packets += client.take(beginMs, doneMs);
    const endMs = beginMs + ready.length * CALLS_MS + packets * MESSAGE_MS;
    this.messages += packets;
    this.reads += ready.length;
    this.workMs += endMs - beginMs;
    this.nowMs = endMs + (this.pace?.pauseMs(beginMs, endMs, WALL_MS + beginMs, packets) ?? 0);
  }
}

function steady(clients: number, everyMs: number): Client[] {
  return Array.from({ length: clients }, (_, i) => new Steady(everyMs, (i * everyMs) / clients));
}

function thrifty(clients: number, everyMs: number): Client[] {
  return Array.from({ length: clients }, (_, i) => new Thrifty(everyMs, (i * everyMs) / clients));
}

function waiting(clients: number, window: number): Client[] {
  return Array.from({ length: clients }, (_, i) => new Waiting(window, i * 0.001));
}

test('where clients send on, a read finds more messages', (t) => {
  const unpaced = new World(steady(25, 0.2), null).run(1_000);
  const pace = new Pace();
  const world = new World(steady(25, 0.2), pace).run(1_000);
  t.is(pace.level, 1);
  t.true(world.run(1_000).perRead > 1.4 * unpaced.perRead, `${world.perRead} beside ${unpaced.perRead}`);
});

test('where clients send the more for it, pauses are long', (t) => {
  const unpaced = new World(thrifty(25, 0.15), null).run(1_000).messages;
  const pace = new Pace();
  const world = new World(thrifty(25, 0.15), pace).run(2_000);
  t.is(pace.level, 2);
  t.true(world.run(1_000).messages > 1.2 * unpaced, `${world.messages} beside ${unpaced}`);
});

test('clients that wait for answers lose less of their rate than the thread saves', (t) => {
  const world = fc.record({
    clients: fc.integer({ min: 2, max: 40 }),
    window: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(world, ({ clients, window }) => {
      const unpaced = new World(waiting(clients, window), null).run(4_000);
      const paced = new World(waiting(clients, window), new Pace()).run(4_000);
      const saved = 1 - paced.workMs / paced.messages / (unpaced.workMs / unpaced.messages);
      const lost = 1 - paced.messages / unpaced.messages;
      // Trials cost, too.
      if (lost > Math.max(0, saved) * PACE_RATE_FOR_COST + 0.08) throw new Error(`${lost} for ${saved}`);
    }),
    { numRuns: 8 },
  );
  t.pass();
});

test('what each client sends once in a while is not held up', (t) => {
  const pace = new Pace();
  const world = new World(steady(200, 4), pace).run(1_500);
  const unpaced = new World(steady(200, 4), null).run(1_500);
  t.is(pace.level, 0);
  t.true(Math.abs(world.messages - unpaced.messages) < 100);
});

test('pauses end when clients come that wait for answers', (t) => {
  const pace = new Pace();
  const world = new World(steady(25, 0.2), pace).run(1_000);
  t.true(pace.level > 0);
  world.clients = waiting(20, 1).map((client) => Object.assign(client, { nextMs: world.nowMs }));
  world.run(TRIED_MS);
  t.is(pace.level, 0);
});

test('where a shard is at its limit with short pauses, they are long', (t) => {
  const pace = new Pace();
  const unpaced = new World(steady(100, 1.02), null).run(1_000);
  const world = new World(steady(100, 1.02), pace).run(TRIED_MS);
  t.is(pace.level, 2);
  t.true(world.run(1_000).workMs < 0.8 * unpaced.workMs, `${world.workMs} beside ${unpaced.workMs}`);
});

test('pauses end where turns become rare', (t) => {
  const pace = new Pace();
  let { nowMs } = new World(steady(25, 0.2), pace).run(1_000);
  t.true(pace.level > 0);
  const untilMs = nowMs + 2 * TRIED_MS;
  for (; nowMs < untilMs; nowMs += 50) pace.pauseMs(nowMs, nowMs + 0.3, WALL_MS + nowMs, 10);
  t.is(pace.level, 0);
  t.is(pace.pauseMs(nowMs, nowMs + 0.3, WALL_MS + nowMs, 10), 0);
});

test('no pause is shorter than is worth it, none with its turn longer than the long period, however the clock jumps', (t) => {
  // In 64ths of a millisecond, which a number holds exactly.
  const turn = fc.record({ idle: fc.nat(64), work: fc.nat(96), jump: fc.integer({ min: -50, max: 50 }) });
  fc.assert(
    fc.property(fc.array(turn, { minLength: 200, maxLength: 500, size: 'max' }), (turns) => {
      const pace = new Pace();
      let nowMs = 0;
      turns.forEach(({ idle, work, jump }, i) => {
        const beginMs = nowMs + idle / 64;
        const workMs = work / 64;
        const pauseMs = pace.pauseMs(beginMs, beginMs + workMs, WALL_MS + beginMs + jump, i % 50);
        nowMs = beginMs + workMs + pauseMs;
        if (pauseMs === 0) return;
        if (pauseMs < PACE_PAUSE_MS_MIN || workMs + pauseMs > PACE_LONG_PERIOD_MS)
          throw new Error(`${pauseMs} after ${workMs}`);
      });
    }),
    { numRuns: 20, endOnFailure: true },
  );
  t.pass();
});
