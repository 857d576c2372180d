/**
 * The scenario `listing`: a hundred thousand sessions, each with a subscription of its own, of which as many are
 * connected as there are descriptors; how long pages of each list take, with nothing else to do and while others
 * publish as fast as they can. On the generator's main thread.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ListingScenario } from '../scenarios/scenario.js';
import { runScenario } from './generator.js';
import type { ListingBrokerSays } from './listing-broker.js';
import { nowMs } from './load-clock.js';
import { connectPacket, subscribePacket } from './packets.js';

const CHILD = fileURLToPath(new URL('./listing-broker.js', import.meta.url));
const CONNECTS_AT_ONCE = 128;
const REQUESTS_PER_PAGE = 60;
const REQUESTS_FOR_MEMORY = 1_000;
const PUBLISHING_ROUNDS = 5;
const CREDENTIALS = `Basic ${Buffer.from('admin:public').toString('base64')}`;
const NODE = 'shardmq@127.0.0.1';
const LISTS = [`nodes/${NODE}/clients`, `nodes/${NODE}/sessions`, `nodes/${NODE}/subscriptions`, 'routes'];

interface ListingOptions {
  /** 0: the broker decides. */
  readonly shards: number;
  readonly seconds: number;
  readonly threads: number;
  readonly print: (text: string) => void;
}

/** @returns whether every page came within the scenario's bound */
export async function runListing(scenario: ListingScenario, options: ListingOptions): Promise<boolean> {
  const dataDir = await mkdtemp(join(tmpdir(), 'shardmq-perf-'));
  const args = ['--shards', String(options.shards), '--data', dataDir];
  const child = fork(CHILD, args);
  const sockets: Socket[] = [];
  try {
    const listing = new Listing(scenario, options, child, await answerOf(child));
    await listing.fill(sockets);
    return await listing.measure();
  } finally {
    for (const socket of sockets) socket.destroy();
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function answerOf(child: ChildProcess): Promise<ListingBrokerSays> {
  const [said] = (await once(child, 'message')) as [ListingBrokerSays];
  return said;
}

class Listing {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private readonly print: (text: string) => void;

  constructor(
    private readonly scenario: ListingScenario,
    private readonly options: ListingOptions,
    private readonly child: ChildProcess,
    private readonly broker: ListingBrokerSays,
  ) {
    this.print = options.print;
  }

  /** Makes the sessions. Those that stay connected are put into `sockets`. */
  async fill(sockets: Socket[]): Promise<void> {
    const { sessions, connected } = this.scenario;
    const startMs = nowMs();
    let next = 0;
    const fillSome = async (): Promise<void> => {
      while (next < sessions) {
        const number = next++;
        const socket = await this.join(number);
        if (number % Math.floor(sessions / connected) === 0 && sockets.length < connected)
          sockets.push(socket);
        else socket.resetAndDestroy();
      }
    };
    await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, fillSome));
    const { subscriptions, rssBytes } = await this.ask();
    const seconds = ((nowMs() - startMs) / 1000).toFixed(1);
    this.print(
      `${sessions} sessions, ${sockets.length} of them connected, ${subscriptions} subscriptions, ` +
        `made in ${seconds} s; ${megabytes(rssBytes)} MB\n`,
    );
  }

  async measure(): Promise<boolean> {
    await this.pages(3);
    let isGood = true;
    this.print(
      `${'page of 20 rows'.padEnd(40)}${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}${'max'.padStart(10)}\n`,
    );
    for (const list of LISTS) if (!(await this.measureList(list))) isGood = false;
    await this.measureMemory();
    await this.measurePublishing();
    return isGood;
  }

  private async measureList(list: string): Promise<boolean> {
    await this.ask();
    const total = await this.totalOf(list);
    const pages = Math.ceil(total / 20);
    const places = [
      ['first', 1, 20],
      ['middle', pages >> 1, 20],
      ['last', pages, 20],
      ['middle, 1,000 rows', Math.max(1, Math.ceil(total / 2_000)), 1_000],
      ['first, 10,000 rows', 1, 10_000],
    ] as const;
    let isGood = true;
    for (const [name, page, size] of places) {
      const times: number[] = [];
      const count = size === 20 ? REQUESTS_PER_PAGE : REQUESTS_PER_PAGE / 6;
      for (let i = 0; i < count; i += 1) times.push(await this.page(list, page, size));
      this.print(timesRow(`${list.replace(`nodes/${NODE}/`, '')} ${name} (${total})`, times));
      if (size === 20 && quantile(times, 0.5) > this.scenario.pageMsMax) isGood = false;
    }
    const { longestTurnMs } = await this.ask();
    this.print(`  longest turn of a shard meanwhile: ${longestTurnMs.toFixed(1)} ms\n`);
    return isGood;
  }

  private async measureMemory(): Promise<void> {
    const before = await this.ask();
    for (let i = 0; i < REQUESTS_FOR_MEMORY / 4; i += 1) await this.pages(1 + ((i * 37) % 500));
    const after = await this.ask();
    this.print(
      `memory over ${REQUESTS_FOR_MEMORY} requests: ${megabytes(before.rssBytes)} MB before, ` +
        `${megabytes(after.rssBytes)} MB after\n`,
    );
  }

  /** The same clients publish alone and while pages are asked for, in turn: machines are not quiet. */
  private async measurePublishing(): Promise<void> {
    const alone: number[] = [];
    const beside: number[] = [];
    const times: number[] = [];
    for (let round = 0; round < PUBLISHING_ROUNDS; round += 1) {
      alone.push(await this.publish('alone'));
      let isOver = false;
      const listing = (async () => {
        while (!isOver) {
          for (const list of LISTS) {
            times.push(await this.page(list, 1 + ((times.length * 37) % 2_000), 20));
            await sleep(this.scenario.pauseMs);
          }
        }
      })();
      beside.push(await this.publish('while one lists').finally(() => (isOver = true)));
      await listing;
    }
    this.print(timesRow(`any page meanwhile (${times.length})`, times));
    const middle = (figures: readonly number[]): string => quantile(figures, 0.5).toFixed(2);
    this.print(
      `p99 of publishing, middle of ${PUBLISHING_ROUNDS}: ${middle(alone)} ms alone, ${middle(beside)} ms beside\n`,
    );
  }

  /** @returns the p99 in milliseconds */
  private async publish(how: string): Promise<number> {
    const { threads, seconds } = this.options;
    const target = { port: this.broker.port, pid: this.child.pid!, threads, seconds };
    const { perSecond, p50Ms, p99Ms, lost } = await runScenario(this.scenario.publishing, target);
    const rate = Math.round(perSecond).toLocaleString('en');
    this.print(
      `publishing ${how}: ${rate}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, lost ${lost}\n`,
    );
    return p99Ms;
  }

  private async pages(page: number): Promise<void> {
    for (const list of LISTS) await this.page(list, page, 20);
  }

  private async totalOf(list: string): Promise<number> {
    const { result } = JSON.parse(await this.fetch(`${list}?page_size=1`)) as {
      result: { total_num: number };
    };
    return result.total_num;
  }

  /** @returns milliseconds. @throws Error when it is no success */
  private async page(list: string, page: number, size: number): Promise<number> {
    const startMs = nowMs();
    const text = await this.fetch(`${list}?curr_page=${page}&page_size=${size}`);
    const tookMs = nowMs() - startMs;
    if (!text.startsWith('{"code":0,')) throw new Error(`${list}, page ${page}: ${text.slice(0, 200)}`);
    return tookMs;
  }

  private fetch(path: string): Promise<string> {
    const options = {
      host: '127.0.0.1',
      port: this.broker.apiPort,
      path: `/api/v2/${path}`,
      agent: this.agent,
      headers: { Authorization: CREDENTIALS },
    };
    return new Promise((resolve, reject) => {
      get(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks).toString()));
        response.on('error', reject);
      }).on('error', reject);
    });
  }

  private ask(): Promise<ListingBrokerSays> {
    const answer = answerOf(this.child);
    this.child.send('say');
    return answer;
  }

  /** Connects one client and subscribes it. */
  private async join(number: number): Promise<Socket> {
    const socket = connect(this.broker.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    const clientId = `listed-${String(number).padStart(6, '0')}`;
    socket.write(connectPacket(clientId, 0, { isPersistent: true }));
    const [connack] = (await once(socket, 'data')) as [Buffer];
    if (connack[0] !== 0x20 || connack[3] !== 0) throw new Error(`${clientId} was refused`);
    socket.write(subscribePacket([`devices/${clientId}/commands`], 0));
    await once(socket, 'data');
    return socket;
  }
}

function timesRow(name: string, times: readonly number[]): string {
  const cells = [0.5, 0.99, 1].map((share) => quantile(times, share).toFixed(1).padStart(10));
  return `${name.padEnd(40)}${cells.join('')}\n`;
}

function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
