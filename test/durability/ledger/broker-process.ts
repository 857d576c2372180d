/** The broker as a process on a data directory, that dies and starts again: the command line, or `broker-main`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CliProcess } from '../../cli/run-cli.js';
import type { FromBroker, ToBroker } from './broker-protocol.js';

const MAIN = fileURLToPath(new URL('./broker-main.js', import.meta.url));

export interface BrokerChoice {
  readonly dataDir: string;
  readonly level: 'memory' | 'process' | 'disk';
  readonly shards: number;
  /** More `KEY=VALUE`. */
  readonly set?: readonly string[];
  /** Commits take long; only where threads die. */
  readonly isSlow?: boolean;
}

/** One run of the broker, from its start to its end. */
export interface BrokerRun {
  /** Where clients connect. Rejects when it ends before it is ready. */
  readonly ready: Promise<number>;
  readonly pid: number;
  /** What it has written, for those who have to find out why it failed. */
  said(): string;
  /** Ends it, and resolves when it has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Kills one of its threads. `onRevived`: its successor takes clients. */
  killThread(shard: number, onRevived: () => void): Promise<void>;
  /** @returns the shard that owns a client's session */
  shardOf(client: string): Promise<number>;
}

/** Sessions wait without limits; whatever else a ledger's clients may need. */
export function settingsOf({ dataDir, level, shards, set = [] }: BrokerChoice): string[] {
  return [
    `node.data_dir=${dataDir}`,
    `node.shards=${shards}`,
    `mqtt.persistence.level=${level}`,
    'mqtt.mqueue.max_length=0',
    'mqtt.mqueue.max_bytes=0',
    'listener.tcp.external=127.0.0.1:0',
    'listener.tcp.internal=off',
    'listener.ws.external=off',
    'listener.api.mgmt=off',
    // A busy machine has late loops, and clients would wait.
    'overload.loop_delay=0',
    ...set,
  ];
}

/** The product as a user starts it. */
export function startCliBroker(choice: BrokerChoice): BrokerRun {
  const cli = new CliProcess(['start', ...settingsOf(choice).flatMap((pair) => ['--set', pair])]);
  return {
    ready: quietly(cli.says('shardmq ready\n').then(() => portOf(cli.stdout, 'tcp.external'))),
    pid: cli.pid,
    said: () => cli.stdout + cli.stderr,
    end: async (signal) => {
      cli.signal(signal);
      await cli.ended();
    },
    killThread: notOffered,
    shardOf: notOffered,
  };
}

const notOffered = (): Promise<never> => Promise.reject(new Error('the command line does not offer it'));

/** @returns the port of a listener, as the first screen tells it */
export function portOf(screen: string, listener: string): number {
  const found = new RegExp(`listener\\.${listener.replace('.', '\\.')} listens on [^\\n]*?:(\\d+)`).exec(
    screen,
  );
  if (found === null) throw new Error(`no listener.${listener}: ${screen}`);
  return Number(found[1]);
}

/** The product as a library, with threads that can be killed. */
export function startForkedBroker(choice: BrokerChoice): BrokerRun {
  const child = fork(MAIN, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close');
  const tell = (message: ToBroker): void => void child.send(message, () => undefined);
  tell({ kind: 'start', set: settingsOf(choice), isSlow: choice.isSlow === true });
  return {
    ready: quietly(heard(child, ended, 'ready').then((message) => ('port' in message ? message.port : 0))),
    pid: child.pid ?? 0,
    said: () => said,
    end: async (signal) => {
      child.kill(signal);
      await ended;
    },
    killThread: async (shard, onRevived) => {
      tell({ kind: 'kill', shard });
      await heard(child, ended, 'killed');
      heard(child, ended, 'revived').then(onRevived, () => undefined);
    },
    shardOf: async (client) => {
      tell({ kind: 'owner', client });
      const answer = await heard(child, ended, 'owned');
      return 'shard' in answer ? answer.shard : -1;
    },
  };
}

/** Whoever does not wait for it does not mind that it fails. */
function quietly<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

function heard(child: ChildProcess, ended: Promise<unknown>, kind: FromBroker['kind']): Promise<FromBroker> {
  return new Promise((resolve, reject) => {
    const listen = (message: FromBroker): void => {
      if (message.kind !== kind) return;
      child.off('message', listen);
      resolve(message);
    };
    child.on('message', listen);
    void ended.then(() => reject(new Error(`the broker ended before it was ${kind}`)));
  });
}
