/** What an overloaded shard, or an overloaded main thread, does to new clients and to those that are there. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { clientIdOn } from '../helpers/client-ids.js';
import { connect } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { breakShard, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from '../seams/bench.js';
import { Flow } from './flow.js';

const BUSY = 1;
const CONFIG = { 'overload.loop_delay': '250ms', 'overload.wait': '1s' };

const shutdownCount = ({ broker }: SeamBench): Readonly<Record<string, number>> =>
  broker.listenerFigures()[0]!.shutdownCount();
const linesOf = ({ logger }: SeamBench, start: string): number =>
  logger.lines.filter(({ message }) => message.startsWith(start)).length;
const alarmIds = ({ broker }: SeamBench): string[] => broker.alarms().map(({ id }) => id);

test.serial(
  'a busy shard keeps its clients; new ones wait, then are refused; others are let in, and all once it is relieved',
  withBench({ config: CONFIG }, async (bench, t) => {
    const flows = [
      await Flow.start(bench, { from: BUSY, to: BUSY, qos: 1 }),
      await Flow.start(bench, { from: 0, to: BUSY, qos: 2 }),
    ];
    await breakShard(bench.broker, BUSY, 'busy');
    await until(() => alarmIds(bench).includes(`overload.${BUSY}`), 'the alarm');
    t.is(linesOf(bench, 'shard 1 is overloaded'), linesOf(bench, 'shard 1 is no longer overloaded') + 1);

    const refused = await bench.open(4);
    refused.send(connect({ version: 4, clientId: clientIdOn(bench.broker, BUSY, 'refused') }));
    await bench.connect(0, 5);
    await refused.expectClosed();
    t.is(shutdownCount(bench)['overloaded'], 1);
    for (const flow of flows) await flow.goesOn();

    await until(() => bench.logger.has('info', /shard 1 is no longer overloaded/), 'its relief');
    t.deepEqual(alarmIds(bench), []);
    await bench.connect(BUSY, 5);
    for (const flow of flows) {
      await flow.goesOn();
      t.deepEqual(await flow.stop(), []);
    }
    t.deepEqual(shutdownCount(bench), { overloaded: 1 });
  }),
);

test.serial(
  'with patience, a client that comes while its shard is busy is served when that is over',
  withBench({ config: { ...CONFIG, 'overload.wait': '20s' } }, async (bench, t) => {
    await breakShard(bench.broker, BUSY, 'busy');
    await until(() => alarmIds(bench).includes(`overload.${BUSY}`), 'the alarm');
    await Promise.all(Array.from({ length: 20 }, () => bench.connect(BUSY, 5)));
    t.true(bench.logger.has('info', /shard 1 is no longer overloaded/));
    t.deepEqual(shutdownCount(bench), {});
  }),
);

test.serial(
  'a shard too busy to say so is found out by what it does not adopt',
  withBench({ config: { ...CONFIG, 'shard.silence_timeout': '3s' } }, async (bench, t) => {
    await breakShard(bench.broker, BUSY, 'hang');
    const arrive = async (): Promise<RawClient> => {
      const client = await bench.open(4);
      client.send(connect({ version: 4, clientId: bench.clientId(BUSY) }));
      return client;
    };
    let posted = await arrive();
    await until(async () => {
      // The first may be adopted just before the shard begins to hang.
      posted = await arrive();
      return alarmIds(bench).includes(`overload.${BUSY}`);
    }, 'the alarm');
    const waiting = await arrive();
    await waiting.expectClosed();
    t.true(shutdownCount(bench)['overloaded']! >= 1);
    await posted.expectClosed();
    await until(() => bench.logger.has('error', /shard 1 has ended/), 'its end');
    t.deepEqual(alarmIds(bench), [], 'its alarm ended with it');
    await bench.connect(BUSY, 4);
  }),
);

test.serial(
  'while main is busy new clients wait unread, those that are there are served, and all get in when it is over',
  withBench({ config: { ...CONFIG, 'overload.wait': '20s' } }, async (bench, t) => {
    const flow = await Flow.start(bench, { from: 0, to: BUSY, qos: 1 });
    const word = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < 10 && !alarmIds(bench).includes('overload.main'); i++) {
      Atomics.wait(word, 0, 0, 600);
      await nextTurn();
    }
    t.deepEqual(alarmIds(bench), ['overload.main']);
    const clients = [bench.connect(0, 4), bench.connect(BUSY, 5)];
    await until(() => bench.broker.listenerFigures()[0]!.current === 4, 'both to be accepted');
    t.deepEqual(alarmIds(bench), ['overload.main']);
    await flow.goesOn();
    await Promise.all(clients);
    t.deepEqual(alarmIds(bench), []);
    t.true(bench.logger.has('warn', /main is overloaded: its event loop is late by \d+ ms/));
    t.deepEqual(await flow.stop(), []);
    t.deepEqual(shutdownCount(bench), {});
  }),
);
