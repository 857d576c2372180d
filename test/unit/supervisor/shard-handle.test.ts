/** Whose a descriptor is, with real descriptors and a port whose other end is the test's. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { PortClient } from '../../../src/actor/port-client.js';
import { SystemClock } from '../../../src/base/clock.js';
import { defaultConfig } from '../../../src/config/load.js';
import {
  UNADOPTED_CONNECTIONS_MAX,
  WAITING_CONNECTION_BYTES_MAX,
  WAITING_CONNECTION_TIMEOUT_MS,
  WAITING_CONNECTIONS_MAX,
} from '../../../src/limits.js';
import { asConnectionNumber, asShardId } from '../../../src/protocol/ids.js';
import { ListenerFigures } from '../../../src/supervisor/listener-figures.js';
import { type Passing, ShardHandle } from '../../../src/supervisor/shard-handle.js';

const LOOP_DELAY_MS = 400;
const OVERLOAD_WAIT_MS = 3_000;
const NO_SUCH_DESCRIPTOR = 1_000_000;

function setUp(t: ExecutionContext) {
  const clock = new SystemClock();
  const handle = new ShardHandle(asShardId(0), clock, {
    loopDelayMs: LOOP_DELAY_MS,
    waitMs: OVERLOAD_WAIT_MS,
  });
  const listener = new ListenerFigures(0, defaultConfig().listeners[0]!);
  const ports: MessagePort[] = [];
  t.teardown(() => {
    for (const port of ports) port.close();
  });
  return {
    clock,
    handle,
    listener,
    /** A new thread, as far as the handle can tell. @returns its shared word */
    start(): Uint32Array {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1, port2);
      const adopted = handle.newAdoptedWord();
      handle.incarnation = {
        number: 1,
        client: new PortClient(port1, 'shard 0', clock, () => undefined),
        adopted,
        ended: Promise.resolve(),
        controller: new AbortController(),
        worker: null,
        startedAtMs: 0,
        lastHeardMs: 0,
        abortReason: null,
      };
      handle.open();
      return adopted;
    },
    give(number: number, fd: number, headBytes = 16): void {
      listener.current++;
      const nowMs = clock.monotonicMs();
      const passing: Passing = {
        handover: {
          number: asConnectionNumber(number),
          fd,
          head: '\0'.repeat(headBytes),
          listener: 0,
          peerAddress: '::1',
          peerPort: 1,
          assignedClientId: null,
          certificateUsername: null,
        },
        listener,
        acceptedAtMs: nowMs,
        readAtMs: nowMs,
      };
      handle.give(passing);
    },
  };
}

const open = (): number => openSync('/dev/null', 'r');

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

test('when a thread has exited, only descriptors above the last it adopted are closed', (t) => {
  const { handle, listener, start, give } = setUp(t);
  const adopted = start();
  const fds = [open(), open(), open(), open()];
  fds.forEach((fd, index) => {
    give(10 + index * 7, fd);
  });
  Atomics.store(adopted, 0, 17);
  handle.threadExited('shard_crashed');
  t.deepEqual(fds.map(isOpen), [true, true, false, false]);
  t.is(listener.current, 0);
  t.deepEqual(listener.shutdownCount(), { shard_crashed: 4 });
  closeSync(fds[0]!);
  closeSync(fds[1]!);
});

test('numbers beyond 32 bits are compared rightly', (t) => {
  const { handle, start, give } = setUp(t);
  const adopted = start();
  const fds = [open(), open(), open()];
  const base = 2 ** 32 - 2;
  Atomics.store(adopted, 0, base - 1);
  fds.forEach((fd, index) => {
    give(base + index * 2, fd);
  });
  Atomics.store(adopted, 0, (base + 2) >>> 0);
  handle.threadExited('shard_crashed');
  t.deepEqual(fds.map(isOpen), [true, true, false]);
  closeSync(fds[0]!);
  closeSync(fds[1]!);
});

test('the next thread starts with everything before it settled', (t) => {
  const { handle, start, give } = setUp(t);
  start();
  give(41, open());
  handle.threadExited('shard_crashed');
  handle.state = 'down';
  const waiting = open();
  give(43, waiting);
  handle.threadExited('shard_crashed');
  t.true(isOpen(waiting), 'it was never posted to the thread that has exited');
  const adopted = start();
  t.is(adopted[0], 41);
  handle.threadExited('shard_crashed');
  t.false(isOpen(waiting));
});

test('a connection waits for its shard for a limited time, the longest waiting goes first', (t) => {
  const { clock, handle, listener, give } = setUp(t);
  const fds = [open(), open()];
  give(1, fds[0]!);
  clock.advance(WAITING_CONNECTION_TIMEOUT_MS / 2);
  give(2, fds[1]!);
  clock.advance(WAITING_CONNECTION_TIMEOUT_MS / 2);
  handle.sweep(clock.monotonicMs());
  t.deepEqual(fds.map(isOpen), [false, true]);
  handle.stop();
  t.deepEqual(fds.map(isOpen), [false, false]);
  t.deepEqual(listener.shutdownCount(), { shard_unavailable: 1, broker_stopped: 1 });
  t.is(listener.current, 0);
});

test('what waits for a shard is bounded in number and bytes', (t) => {
  const { handle, listener, give } = setUp(t);
  for (let n = 1; n <= WAITING_CONNECTIONS_MAX + 5; n++) give(n, NO_SUCH_DESCRIPTOR);
  t.is(handle.connectionCount, WAITING_CONNECTIONS_MAX);
  t.deepEqual(listener.shutdownCount(), { shard_unavailable: 5 });
  handle.stop();
  handle.state = 'down';
  const large = WAITING_CONNECTION_BYTES_MAX / 4;
  for (let n = 1; n <= 6; n++) give(10_000 + n, NO_SUCH_DESCRIPTOR, large);
  t.is(handle.connectionCount, 4);
});

test('what a stuck shard has not adopted is bounded, and room returns as it adopts', (t) => {
  const { handle, start, give } = setUp(t);
  const adopted = start();
  for (let n = 1; n <= UNADOPTED_CONNECTIONS_MAX + 1; n++) give(n, NO_SUCH_DESCRIPTOR);
  t.is(handle.connectionCount, UNADOPTED_CONNECTIONS_MAX);
  Atomics.store(adopted, 0, 1);
  give(UNADOPTED_CONNECTIONS_MAX + 2, NO_SUCH_DESCRIPTOR);
  t.is(handle.connectionCount, UNADOPTED_CONNECTIONS_MAX + 1);
});

test('connections for a shard that says it is late wait, are posted in order when it is relieved, or are refused', (t) => {
  const { clock, handle, listener, start, give } = setUp(t);
  const adopted = start();
  handle.lateMs = 450;
  t.true(handle.judgeOverload(clock.monotonicMs()));
  t.false(handle.judgeOverload(clock.monotonicMs()), 'it is told once');
  t.true(handle.isOverloaded);
  const fds = [open(), open(), open()];
  give(1, fds[0]!);
  clock.advance(OVERLOAD_WAIT_MS - 1_000);
  give(2, fds[1]!);
  give(3, fds[2]!);
  clock.advance(1_000);
  handle.sweep(clock.monotonicMs());
  t.deepEqual(fds.map(isOpen), [false, true, true]);
  t.deepEqual(listener.shutdownCount(), { overloaded: 1 });
  handle.lateMs = 0;
  t.true(handle.judgeOverload(clock.monotonicMs()));
  t.true(handle.takesConnections);
  Atomics.store(adopted, 0, 2);
  handle.threadExited('shard_crashed');
  t.deepEqual(fds.map(isOpen), [false, true, false], 'both were posted, one is adopted');
  closeSync(fds[1]!);
});

test('a shard that does not adopt what was posted long ago is overloaded, until it has nearly caught up', (t) => {
  const { clock, handle, start, give } = setUp(t);
  const adopted = start();
  const judge = (): boolean => {
    handle.judgeOverload(clock.monotonicMs());
    return handle.isOverloaded;
  };
  give(1, NO_SUCH_DESCRIPTOR);
  clock.advance(LOOP_DELAY_MS - 50);
  give(2, NO_SUCH_DESCRIPTOR);
  t.false(judge());
  clock.advance(100);
  t.true(judge());
  t.true(handle.unadoptedMs(clock.monotonicMs()) > LOOP_DELAY_MS);
  give(3, NO_SUCH_DESCRIPTOR);
  t.false(handle.takesConnections);
  clock.advance(LOOP_DELAY_MS / 2);
  Atomics.store(adopted, 0, 1);
  t.true(judge(), 'the second one is old by now, too');
  Atomics.store(adopted, 0, 2);
  t.false(judge());
});

test('what waits for an overloaded shard is bounded; a crash makes it wait for the restart instead', (t) => {
  const { clock, handle, listener, start, give } = setUp(t);
  start();
  handle.lateMs = 1_000;
  handle.judgeOverload(clock.monotonicMs());
  for (let n = 1; n <= WAITING_CONNECTIONS_MAX + 3; n++) give(n, NO_SUCH_DESCRIPTOR);
  t.is(handle.connectionCount, WAITING_CONNECTIONS_MAX);
  t.deepEqual(listener.shutdownCount(), { overloaded: 3 });
  handle.state = 'down';
  handle.threadExited('shard_crashed');
  clock.advance(OVERLOAD_WAIT_MS);
  handle.sweep(clock.monotonicMs());
  t.is(handle.connectionCount, WAITING_CONNECTIONS_MAX);
  start();
  t.false(handle.isOverloaded, 'the new thread has not been late');
  handle.threadExited('shard_crashed');
  t.deepEqual(listener.shutdownCount(), { overloaded: 3, shard_crashed: WAITING_CONNECTIONS_MAX });
});

test('with `overload.loop_delay` 0 no shard is ever overloaded', (t) => {
  const clock = new SystemClock();
  const handle = new ShardHandle(asShardId(0), clock, { loopDelayMs: 0, waitMs: 0 });
  handle.state = 'ready';
  handle.lateMs = 10_000;
  t.false(handle.judgeOverload(clock.monotonicMs()));
});
