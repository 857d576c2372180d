/** A run of the ledger: the crowd lives, the broker dies again and again, and in the end the judge speaks. */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SlotMap } from '../../../src/actor/slots.js';
import { asClientId } from '../../../src/protocol/ids.js';
import { auditRetained } from './audit.js';
import { type BrokerChoice, type BrokerRun, startCliBroker, startForkedBroker } from './broker-process.js';
import type { FromCrowd, Side, ToCrowd } from './crowd-protocol.js';
import { type Entry, type Event, nowUs } from './entries.js';
import { type Fault, judge, owed } from './judge.js';
import { DUE_US } from './judge-wills.js';
import { pause } from './pause.js';
import { Random } from './random.js';
import { standing } from './timeline.js';

const CROWD = fileURLToPath(new URL('./crowd.js', import.meta.url));
/** Nothing new has come for so long: it will not. */
const PATIENCE_MS = 15_000;
/** What must not come has time to. */
const LINGER_MS = 500;
const POLL_MS = 200;
/** The first who ask for what is retained take it for all when so long nothing more has come. */
const QUIET_MS = 300;
/** No single thing takes so long, on a machine that does something else besides; no start, and no backlog, so long. */
const STUCK_MS = 60_000;
const LONG_STUCK_MS = 120_000;
/** The next one dies so long after a thread at the latest, which may be back by then or not. */
const NEXT_DEATH_MS = 1_500;
/** More of them within a minute, and the broker gives up. */
const THREADS_KILLED_MAX = 4;
const START_MS_MAX = 900;
const SHARDS_MAX = 4;

/** Process and thread: which of both die. */
export type Deaths = 'process' | 'threads';

export interface RunChoice extends BrokerChoice {
  readonly seed: number;
  readonly deaths: Deaths;
  readonly kills: number;
  /** Now and then it starts with another number of shards. */
  readonly isReshared?: boolean;
  /** Told after each death how many there were. */
  readonly onKill?: (kills: number) => void;
  /** How long it waits for what is owed while nothing new comes. */
  readonly patienceMs?: number;
  /** When it takes longer in all it says where it stands, and ends. */
  readonly limitMs?: number;
}

export interface Verdict {
  readonly faults: readonly Fault[];
  /** How much there was to judge. */
  readonly summary: string;
  /** For those who look for the cause. */
  readonly entries: readonly Entry[];
}

export class LedgerRun {
  readonly entries: Entry[] = [];
  private readonly random: Random;
  private readonly crowd: Crowd;
  private broker: BrokerRun;
  private shards: number;
  private readonly patienceMs: number;
  private threadsKilled = 0;
  /** Those that are not back. */
  private threadsDead = 0;
  private port = 0;
  private readonly endMs: number;

  constructor(private readonly choice: RunChoice) {
    this.shards = choice.shards;
    this.patienceMs = choice.patienceMs ?? PATIENCE_MS;
    this.endMs = performance.now() + (choice.limitMs ?? Number.MAX_SAFE_INTEGER);
    this.random = new Random(choice.seed);
    this.crowd = new Crowd(choice.seed, this.entries);
    this.broker = this.startBroker();
  }

  /** From the start to the end, with deaths between. */
  async run(): Promise<Verdict> {
    try {
      await this.begin();
      for (let i = 1; i <= this.choice.kills; i++) {
        await this.crash();
        this.choice.onKill?.(i);
      }
      await pause(this.random.between(300, 800));
      return await this.conclude();
    } finally {
      await this.end();
    }
  }

  /** Resolves when the broker runs, and the crowd begins to live. */
  async begin(): Promise<void> {
    await this.ready();
    await this.orThrow(this.crowd.settled, 'the first subscriptions');
    this.crowd.tell({ kind: 'start' });
  }

  /** Ends all processes. */
  async end(): Promise<void> {
    this.crowd.end();
    await this.broker.end('SIGKILL');
  }

  get pid(): number {
    return this.broker.pid;
  }

  /** What the broker has written since it was started. */
  said(): string {
    return this.broker.said();
  }

  /** @returns the shards that own these clients' sessions; only where threads die */
  async shardsOf(clients: readonly string[]): Promise<Map<string, number>> {
    const shards = new Map<string, number>();
    for (const client of clients) shards.set(client, await this.broker.shardOf(client));
    return shards;
  }

  /** @returns a ClientId that begins with `name`, of a session on this shard */
  clientOf(shard: number, name: string): string {
    const map = slotMap(this.choice.dataDir, this.shards);
    for (let i = 0; ; i++) if (map.shardOf(asClientId(`${name}-${i}`)) === shard) return `${name}-${i}`;
  }

  /** Kills the process; `meanwhile` comes before it is started again. */
  async restart(meanwhile: () => void | Promise<void>): Promise<void> {
    await this.endProcess('SIGKILL');
    await meanwhile();
    this.broker = this.startBroker();
    await this.ready();
  }

  private startBroker(): BrokerRun {
    const choice = { ...this.choice, shards: this.shards };
    return choice.deaths === 'threads' ? startForkedBroker(choice) : startCliBroker(choice);
  }

  private async ready(): Promise<void> {
    try {
      this.port = await this.orThrow(this.broker.ready, 'the broker to be ready', LONG_STUCK_MS);
    } catch (error) {
      throw new Error(`${String(error)}: ${this.broker.said()}`);
    }
    this.note({ kind: 'broker', what: 'ready', shards: this.shards });
    this.crowd.tell({ kind: 'moved', port: this.port });
  }

  private async crash(): Promise<void> {
    const { random } = this;
    await pause(random.between(50, 1_200));
    if (random.percent(30)) await this.audit(false);
    const isThread = this.choice.deaths === 'threads' && this.threadsKilled < THREADS_KILLED_MAX;
    await (isThread ? this.killThread() : this.killProcess());
  }

  private async killThread(): Promise<void> {
    const { broker } = this;
    this.threadsKilled += 1;
    this.threadsDead += 1;
    this.note({ kind: 'broker', what: 'crash' });
    await broker.killThread(this.random.between(0, this.shards - 1), () => {
      if (this.broker !== broker) return;
      this.threadsDead -= 1;
      if (this.threadsDead === 0) this.note({ kind: 'broker', what: 'ready', shards: this.shards });
    });
    await pause(this.random.between(0, NEXT_DEATH_MS));
  }

  private async killProcess(): Promise<void> {
    const { random } = this;
    this.threadsKilled = this.threadsDead = 0;
    await this.endProcess(random.percent(12) ? 'SIGTERM' : 'SIGKILL');
    this.reshard();
    while (random.percent(20)) {
      // It dies while it starts as well, and while it gives what is kept to another number of shards.
      this.broker = this.startBroker();
      await pause(random.between(0, START_MS_MAX));
      await this.broker.end('SIGKILL');
      this.reshard();
    }
    this.broker = this.startBroker();
    await this.ready();
  }

  private reshard(): void {
    const { random, choice } = this;
    if (choice.isReshared === true && random.percent(60)) this.shards = random.between(1, SHARDS_MAX);
  }

  private async endProcess(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.note({ kind: 'broker', what: 'crash' });
    const ended = this.broker.end(signal);
    // Another broker may get its port.
    this.crowd.tell({ kind: 'moved', port: 0 });
    await this.orThrow(ended, 'the end of the broker');
  }

  /** Lets the crowd come to rest, and judges. */
  async conclude(): Promise<Verdict> {
    this.note({ kind: 'slots', slots: slotsOf(this.choice.dataDir, this.entries) });
    this.crowd.tell({ kind: 'finish' });
    await this.orThrow(this.crowd.finished, 'the crowd to finish');
    await this.untilPaid();
    await this.lastAudit();
    await pause(LINGER_MS);
    const faults = judge(this.entries);
    const { seed, level, shards, deaths, kills, isReshared } = this.choice;
    const count = (kind: Entry['kind']): number => this.entries.filter((each) => each.kind === kind).length;
    const summary =
      `seed ${seed}, level ${level}, ${isReshared === true ? `1 to ${SHARDS_MAX}` : shards} shards, ` +
      `${kills} times killed (${deaths}): ${count('sent')} sent, ${count('acked')} acknowledged, ` +
      `${count('refused')} refused, ${count('received')} received, ` +
      `${count('connected')} connections, ${count('subscribed')} subscriptions`;
    return { faults, summary, entries: this.entries };
  }

  /** Not before wills of the last crash are due, however little patience there is. */
  private async untilPaid(): Promise<void> {
    const untilMs = performance.now() + LONG_STUCK_MS;
    const dueUs = this.entries.findLast(({ kind }) => kind === 'broker')!.atUs + DUE_US;
    let count = -1;
    let changedUs = dueUs;
    while (owed(this.entries).length > 0) {
      if (count !== this.entries.length) changedUs = Math.max(dueUs, nowUs());
      count = this.entries.length;
      if (nowUs() - changedUs > this.patienceMs * 1_000) return;
      if (performance.now() > Math.min(untilMs, this.endMs)) throw this.stuck('an end of what comes');
      await pause(POLL_MS);
    }
  }

  /** Asks until the answer is right, or does not become so; more patiently each time, as the machine may be busy. */
  private async lastAudit(): Promise<void> {
    const untilMs = performance.now() + this.patienceMs;
    for (let quietMs = QUIET_MS; ; quietMs *= 2) {
      const at = this.entries.length;
      const isWhole = await this.audit(true, quietMs);
      const isRight = isWhole && judge(this.entries).every(({ rule }) => rule !== 'retained');
      if (isRight || performance.now() > untilMs) return;
      if (isWhole) this.entries.splice(at, 1);
    }
  }

  private async audit(isLast: boolean, quietMs = QUIET_MS): Promise<boolean> {
    const event = await auditRetained(this.port, isLast, quietMs);
    if (event !== null) this.note(event);
    return event !== null;
  }

  /** @throws Error that says where it stands, when the promise is not kept in time */
  private async orThrow<Value>(promise: Promise<Value>, what: string, limitMs = STUCK_MS): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    const inVain = new Promise<never>((_resolve, reject) => {
      const leftMs = Math.max(0, Math.min(limitMs, this.endMs - performance.now()));
      timer = setTimeout(() => reject(this.stuck(what)), leftMs);
    });
    try {
      return await Promise.race([promise, inVain]);
    } finally {
      clearTimeout(timer);
    }
  }

  private stuck(what: string): Error {
    const said = this.broker.said().slice(-2_000);
    return new Error(`waited in vain for ${what}; ${standing(this.entries, nowUs())}; the broker: ${said}`);
  }

  /** Writes down what the test does to the broker. */
  note(event: Event): void {
    this.entries.push({ ...event, atUs: nowUs() });
  }
}

/** With the key that the broker keeps. */
function slotMap(dataDir: string, shards: number): SlotMap {
  const { slotKey } = JSON.parse(readFileSync(join(dataDir, 'node.json'), 'utf8')) as { slotKey: string };
  return new SlotMap(slotKey, shards);
}

/** The slots of all clients. */
function slotsOf(dataDir: string, entries: readonly Entry[]): Record<string, number> {
  const map = slotMap(dataDir, 1);
  const clients = new Set(entries.flatMap((entry) => ('client' in entry ? [entry.client] : [])));
  return Object.fromEntries([...clients].map((client) => [client, map.slotOf(asClientId(client))]));
}

/** The two processes with clients. */
class Crowd {
  readonly settled: Promise<void>;
  readonly finished: Promise<void>;
  private readonly processes: ChildProcess[];
  private readonly entries: Entry[];

  constructor(seed: number, entries: Entry[]) {
    this.entries = entries;
    this.processes = (['readers', 'writers'] satisfies Side[]).map((side) =>
      fork(CROWD, [side], { execArgv: [] }),
    );
    this.settled = this.all('settled');
    this.finished = this.all('finished');
    for (const process of this.processes) {
      process.on('message', (message: FromCrowd) => {
        if (message.kind === 'entries') for (const entry of message.entries) this.entries.push(entry);
      });
    }
    this.tell({ kind: 'begin', seed });
  }

  tell(message: ToCrowd): void {
    for (const process of this.processes) process.send(message);
  }

  end(): void {
    for (const process of this.processes) process.kill('SIGKILL');
  }

  /** Resolves when both have said it. */
  private all(kind: FromCrowd['kind']): Promise<void> {
    const said = this.processes.map(
      (process) =>
        new Promise<void>((resolve, reject) => {
          process.on('message', (message: FromCrowd) => {
            if (message.kind === kind) resolve();
          });
          process.once('exit', () => reject(new Error('a process of the crowd has ended')));
        }),
    );
    const all = Promise.all(said).then(() => undefined);
    // It may be told only after nobody waits any more.
    all.catch(() => undefined);
    return all;
  }
}
