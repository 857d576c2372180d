import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { AccessRules } from '../../../src/base/access.js';
import { SystemClock } from '../../../src/base/clock.js';
import { defaultConfig } from '../../../src/config/load.js';
import {
  SUPERVISOR_SWEEP_INTERVAL_MS,
  UNREAD_BEGUN_PER_TURN,
  UNREAD_CONNECTIONS_MAX,
} from '../../../src/limits.js';
import { ArrivalGate } from '../../../src/supervisor/arrival-gate.js';
import { ListenerFigures } from '../../../src/supervisor/listener-figures.js';
import type { Arrival } from '../../../src/supervisor/opening-reader.js';

const LOOP_DELAY_MS = 300;
const WAIT_MS = 4_000;

function setUp() {
  const clock = new SystemClock();
  const listener = new ListenerFigures(0, defaultConfig().listeners[0]!);
  const begun: Arrival[] = [];
  const changes: boolean[] = [];
  const figures = { arrivals: 0 };
  const gate = new ArrivalGate({ loopDelayMs: LOOP_DELAY_MS, waitMs: WAIT_MS }, clock, {
    reader: { begin: (arrival) => begun.push(arrival), beginRaw: () => false },
    arrived: () => void figures.arrivals++,
    overloadChanged: (lateMs) => changes.push(lateMs > 0),
  });
  return {
    gate,
    listener,
    begun,
    changes,
    figures,
    arrive(): Arrival {
      listener.current++;
      const arrival: Arrival = {
        socket: new Socket(),
        listener,
        access: new AccessRules([]),
        acceptedAtMs: clock.monotonicMs(),
        peerAddress: '::1',
        peerPort: 1,
        certificateName: null,
        early: null,
      };
      gate.take(arrival);
      return arrival;
    },
    /** Main stands still, or turns its loop in time. */
    pass(ms: number): void {
      clock.advance(ms);
      gate.sweep(Math.max(0, ms - SUPERVISOR_SWEEP_INTERVAL_MS), ms);
    },
  };
}

test('as long as main keeps up connections are begun at once', (t) => {
  const { gate, begun, changes, figures, arrive, pass } = setUp();
  pass(100);
  t.is(figures.arrivals, 0);
  const first = arrive();
  t.deepEqual(begun, [first]);
  t.is(figures.arrivals, 1);
  t.is(gate.count, 0);
  t.deepEqual(changes, []);
});

test('while main is late they wait unread, and are closed when `overload.wait` is over', (t) => {
  const { gate, listener, begun, changes, arrive, pass } = setUp();
  pass(LOOP_DELAY_MS * 3);
  t.deepEqual(changes, [true]);
  const first = arrive();
  pass(WAIT_MS / 2);
  const second = arrive();
  pass(WAIT_MS / 2);
  t.deepEqual([first.socket.destroyed, second.socket.destroyed], [true, false]);
  t.deepEqual(begun, []);
  t.is(listener.current, 1);
  gate.stop();
  t.true(second.socket.destroyed);
  t.deepEqual(listener.shutdownCount(), { overloaded: 1, broker_stopped: 1 });
  t.is(listener.current, 0);
});

test('when main has caught up they are begun in order, in lots, and later ones behind them', async (t) => {
  const { gate, begun, changes, arrive, pass } = setUp();
  pass(LOOP_DELAY_MS * 3);
  const arrived = Array.from({ length: UNREAD_BEGUN_PER_TURN + 10 }, arrive);
  while (changes.length < 2) pass(100);
  t.is(begun.length, UNREAD_BEGUN_PER_TURN);
  arrived.push(arrive());
  pass(100);
  t.is(begun.length, UNREAD_BEGUN_PER_TURN, 'one lot per turn');
  await nextTurn();
  t.is(gate.count, 0);
  t.deepEqual(begun, arrived);
  t.deepEqual(changes, [true, false]);
  t.is(begun[0]!.socket.listenerCount('error'), 0, 'whoever begins listens for itself');
});

test('what waits is bounded: the newest is refused', (t) => {
  const { gate, listener, arrive, pass } = setUp();
  pass(LOOP_DELAY_MS * 3);
  for (let n = 0; n < UNREAD_CONNECTIONS_MAX; n++) arrive();
  const last = arrive();
  t.true(last.socket.destroyed);
  t.is(gate.count, UNREAD_CONNECTIONS_MAX);
  t.deepEqual(listener.shutdownCount(), { overloaded: 1 });
  gate.stop();
});
