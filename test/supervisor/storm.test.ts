/** Thousands of connects at once: limits of listeners hold exactly, and what was refused is counted by reason. */
import { connect, type Socket } from 'node:net';
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { addressOf, until, withBroker } from '../helpers/with-broker.js';
import { LISTENERS, OPENING_TYPES, type OpeningType, openingOf } from './opening-bytes.js';
import { STUB_SHARD } from './stub-client.js';

const STORM = 2_000;
const MAX_CLIENTS = 100;
const MAX_RATE = 50;

/** One of many clients: it has been taken when it has received something. */
interface Fate {
  readonly socket: Socket;
  isTaken: boolean;
  isClosed: boolean;
}

function storm(broker: RunningBroker, type: OpeningType): Fate[] {
  const address = addressOf(broker, type);
  return Array.from({ length: STORM }, (_, index) => {
    const socket = connect(address);
    const fate: Fate = { socket, isTaken: false, isClosed: false };
    socket.on('error', () => undefined);
    socket.on('data', () => {
      fate.isTaken = true;
    });
    socket.on('close', () => {
      fate.isClosed = true;
    });
    socket.write(openingOf(type, `storm-${index}`));
    return fate;
  });
}

const isDecided = ({ isTaken, isClosed }: Fate): boolean => isTaken || isClosed;

const figuresOf = (broker: RunningBroker, type: OpeningType) =>
  broker.listenerFigures().find(({ config }) => config.name === type)!;

function limited(option: string, value: number) {
  const limits = OPENING_TYPES.flatMap((type) => [
    [`listener.${type}.${type}.${option}`, value],
    [`listener.${type}.${type}.backlog`, STORM],
  ]);
  return { shardEntry: STUB_SHARD, config: { ...LISTENERS, ...Object.fromEntries(limits) } };
}

for (const type of OPENING_TYPES) {
  test.serial(
    `${type}: of ${STORM} connects at once exactly max_clients are taken`,
    withBroker(limited('max_clients', MAX_CLIENTS), async (broker, t) => {
      const clients = storm(broker, type);
      await until(() => clients.every(isDecided), 'every client to be taken or refused', 60_000);
      const figures = figuresOf(broker, type);
      t.is(clients.filter(({ isTaken }) => isTaken).length, MAX_CLIENTS);
      t.is(figures.current, MAX_CLIENTS);
      t.is(figures.accepted, STORM);
      t.deepEqual(figures.shutdownCount(), { max_clients: STORM - MAX_CLIENTS });
      for (const { socket } of clients) socket.destroy();
      await until(() => figures.current === 0, 'those taken to be gone');
      t.deepEqual(figures.shutdownCount(), { max_clients: STORM - MAX_CLIENTS, normal: MAX_CLIENTS });
    }),
  );

  test.serial(
    `${type}: of ${STORM} connects at once no more than max_conn_rate are taken`,
    withBroker(limited('max_conn_rate', MAX_RATE), async (broker, t) => {
      const begunMs = performance.now();
      const clients = storm(broker, type);
      await until(() => clients.every(isDecided), 'every client to be taken or refused', 60_000);
      const seconds = (performance.now() - begunMs) / 1000;
      const taken = clients.filter(({ isTaken }) => isTaken).length;
      t.true(taken >= MAX_RATE && taken <= MAX_RATE * (1 + seconds), `${taken} in ${seconds} s`);
      const figures = figuresOf(broker, type);
      t.is(figures.current, taken);
      t.deepEqual(figures.shutdownCount(), { max_conn_rate: STORM - taken });
      for (const { socket } of clients) socket.destroy();
      await until(() => figures.current === 0, 'those taken to be gone');
    }),
  );
}
