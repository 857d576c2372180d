/**
 * Cost of the routing of one shard, outside any broker: `node --expose-gc dist/perf/micro/routing.js [filters]`.
 * Filters are those of a device fleet, `site/+/device/ID/#` and `site/SITE/device/ID/state` in turn; with "random" a
 * fifth of the levels before the last is `+`. Times are CPU time of the process, its collector's threads included, and
 * in brackets what the clock says. Of what is done in rounds the best and the middle one are given: others use the
 * machine too, and the processor's caches.
 */
import { loadavg } from 'node:os';
import { Router, type Subscriber } from '../../workers/routing/router.js';

class Client implements Subscriber {
  slot = -1;
  durable = false;
  online = true;
}

const FILTERS = Number(process.argv[2] ?? 1_000_000);
const SITES = 100;
const FILTERS_PER_CLIENT = 10;
/** Topics of a round, other ones in each: what came in the round before must not be remembered. */
const TOPICS = 100_000;
const ROUNDS = 7;

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const gc = globalThis.gc ?? (() => {});

interface Cost {
  readonly cpuNs: number;
  readonly wallNs: number;
}

function timed(work: () => void): Cost {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  work();
  const wallNs = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(cpu);
  return { cpuNs: (user + system) * 1_000, wallNs };
}

/** Nanoseconds of one thing of `count` that were done. */
function each({ cpuNs, wallNs }: Cost, count: number): string {
  return `${(cpuNs / count).toFixed(0)} ns (${(wallNs / count).toFixed(0)})`;
}

/** Seconds of it all, and nanoseconds of each. */
function total(cost: Cost, count: number): string {
  const { cpuNs, wallNs } = cost;
  return `${(cpuNs / 1e9).toFixed(1)} s (${(wallNs / 1e9).toFixed(1)}), ${each(cost, count)} each`;
}

function bestAndMiddle(rounds: Cost[], count: number): string {
  const inOrder = [...rounds].sort((a, b) => a.cpuNs - b.cpuNs);
  return `best ${each(inOrder[0]!, count)}, middle ${each(inOrder[inOrder.length >> 1]!, count)}`;
}

/** Bytes in use after a full collection: the heap's live objects, and all memory that is not the heap's. */
function memoryBytes(): number {
  gc();
  gc();
  const { heapUsed, heapTotal, rss } = process.memoryUsage();
  return heapUsed + rss - heapTotal;
}

/** The same numbers in every run. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

const deviceOf = (i: number): string => `d${String((i * 7_919) % FILTERS).padStart(8, '0')}`;

function deviceFilter(i: number): string {
  return i % 2 === 0 ? `site/+/device/${deviceOf(i)}/#` : `site/s${i % SITES}/device/${deviceOf(i)}/state`;
}

function deviceTopic(i: number): string {
  return `site/s${i % SITES}/device/${deviceOf(i)}/state`;
}

function randomFilters(): { filter: (i: number) => string; topic: (i: number) => string } {
  const random = makeRandom(1);
  const level = (): string => `l${Math.floor(random() * 30)}`;
  const filters: string[] = [];
  for (let i = 0; i < FILTERS; i += 1) {
    const levels = [level(), level(), level(), level()].map((text) => (random() < 0.2 ? '+' : text));
    filters.push([...levels, `n${i}`].join('/'));
  }
  const filter = (i: number): string => filters[i]!;
  return { filter, topic: (i) => filter(i).replaceAll('+', 'l1') };
}

interface Topics {
  readonly bytes: Uint8Array;
  readonly ends: Int32Array;
}

function makeTopics(topic: (i: number) => string, random: () => number): Topics {
  const texts: string[] = [];
  for (let i = 0; i < TOPICS; i += 1) texts.push(topic(Math.floor(random() * FILTERS)));
  const ends = new Int32Array(TOPICS);
  let end = 0;
  for (let i = 0; i < TOPICS; i += 1) {
    end += texts[i]!.length;
    ends[i] = end;
  }
  return { bytes: new Uint8Array(Buffer.from(texts.join(''))), ends };
}

function subscribeAll(router: Router<Client>, clients: Client[], filter: (i: number) => string): void {
  let client = new Client();
  for (let i = 0; i < FILTERS; i += 1) {
    if (i % FILTERS_PER_CLIENT === 0) {
      client = new Client();
      clients.push(client);
    }
    router.subscribe(client, filter(i), null, false, 1, 0);
    // As a shard does every turn, without the cost of telling anybody.
    if (i % 1_000 === 999) router.interest.takeInterestChanges();
  }
  router.interest.takeInterestChanges();
}

/** @returns sessions found, and how many topics found one. */
function matchAll(router: Router<Client>, topics: Topics): [number, number] {
  let found = 0;
  let hits = 0;
  let start = 0;
  for (const end of topics.ends) {
    const { length } = router.match(topics.bytes, start, end).subscribers;
    found += length;
    hits += length > 0 ? 1 : 0;
    start = end;
  }
  return [found, hits];
}

function measureMatch(router: Router<Client>, topic: (i: number) => string): void {
  const random = makeRandom(2);
  const rounds: Cost[] = [];
  let found = 0;
  let hits = 0;
  matchAll(router, makeTopics(topic, random));
  for (let round = 0; round < ROUNDS; round += 1) {
    const topics = makeTopics(topic, random);
    gc();
    rounds.push(
      timed(() => {
        const [sessions, topicsHit] = matchAll(router, topics);
        found += sessions;
        hits += topicsHit;
      }),
    );
  }
  const count = ROUNDS * TOPICS;
  const share = `${((hits / count) * 100).toFixed(1)} % of topics hit, ${(found / count).toFixed(2)} sessions each`;
  out(`  match, uncached, the route made: ${bestAndMiddle(rounds, TOPICS)}; ${share}`);
}

function measureLookup(router: Router<Client>, topics: Topics, count: number): void {
  const passes = Math.ceil(500_000 / count);
  let missing = 0;
  const pass = (): void => {
    let start = 0;
    for (let i = 0; i < count; i += 1) {
      const end = topics.ends[i]!;
      if (router.lookup(topics.bytes, start, end) === null) missing += 1;
      start = end;
    }
  };
  const fill = (): void => {
    let start = 0;
    for (let i = 0; i < count; i += 1) {
      const end = topics.ends[i]!;
      if (router.lookup(topics.bytes, start, end) === null) router.match(topics.bytes, start, end);
      start = end;
    }
  };
  // More than once, for from half of what fits on a topic must come again to be remembered.
  router.forgetRoutes();
  for (let i = 0; i < 8; i += 1) fill();
  pass();
  missing = 0;
  const rounds: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push(
      timed(() => {
        for (let i = 0; i < passes; i += 1) pass();
      }),
    );
  }
  if (missing > 0) out(`  ${missing} topics were not in the cache`);
  out(`  cached, ${count} topics: ${bestAndMiddle(rounds, passes * count)}`);
}

/** Interest of another shard: filters alone, without subscriptions. */
function measurePeer(name: string, filter: (i: number) => string): void {
  const before = memoryBytes();
  const router = makeRouter();
  const cost = timed(() => {
    for (let i = 0; i < FILTERS; i += 1)
      router.interest.applyInterest(1, { filter: filter(i), plain: true, durable: false });
  });
  const bytes = memoryBytes() - before;
  out(
    `${name}, another shard's: ${(bytes / FILTERS).toFixed(1)} bytes per filter, to add: ${total(cost, FILTERS)}`,
  );
  out(`  full collection ${fullCollectionMs()} ms`);
  let longest = 0;
  for (let done = false; !done; ) {
    const { wallNs } = timed(() => {
      done = router.interest.dropShardSome(1, 1_024);
    });
    longest = Math.max(longest, wallNs);
  }
  out(
    `  longest slice of 1,024 while dropping the shard ${(longest / 1e6).toFixed(2)} ms, routes left ${router.routeCount}`,
  );
}

function makeRouter(): Router<Client> {
  return new Router({ shard: 0, hashSeed: 0x5eed, topicsCachedMax: 65_536, targetsCachedMax: 1_000_000 });
}

function fullCollectionMs(): string {
  return (Math.min(timed(gc).wallNs, timed(gc).wallNs, timed(gc).wallNs) / 1e6).toFixed(1);
}

function removeAll(router: Router<Client>, clients: Client[]): void {
  for (let i = 0; i < clients.length; i += 1) {
    router.removeAll(clients[i]!);
    if (i % 100 === 99) router.interest.takeInterestChanges();
  }
  router.interest.takeInterestChanges();
  clients.length = 0;
}

/** Everything comes and goes once more: memory must be what it was. */
function measureReuse(router: Router<Client>, filter: (i: number) => string): void {
  const clients: Client[] = [];
  const tableBytes = router.tableBytes;
  const before = memoryBytes();
  const cost = timed(() => subscribeAll(router, clients, filter));
  const grown = memoryBytes() - before;
  out(`  subscribe again ${total(cost, FILTERS)}`);
  out(
    `  memory has grown by ${(grown / 2 ** 20).toFixed(1)} MiB, sessions included, tables by ${router.tableBytes - tableBytes} bytes`,
  );
  removeAll(router, clients);
}

function measure(name: string, filter: (i: number) => string, topic: (i: number) => string): void {
  const clients: Client[] = [];
  const before = memoryBytes();
  const router = makeRouter();
  const added = timed(() => subscribeAll(router, clients, filter));
  const bytes = memoryBytes() - before;
  out(`${name}: ${router.filterCount} filters, ${router.subscriptionCount} subscriptions`);
  out(
    `  ${(bytes / FILTERS).toFixed(1)} bytes per filter with its subscription, sessions included; ${(router.tableBytes / FILTERS).toFixed(1)} in tables`,
  );
  out(`  subscribe ${total(added, FILTERS)}`);
  measureMatch(router, topic);
  const topics = makeTopics(topic, makeRandom(3));
  measureLookup(router, topics, 1_000);
  measureLookup(router, topics, 50_000);
  out(`  full collection ${fullCollectionMs()} ms`);
  const removed = timed(() => removeAll(router, clients));
  out(`  unsubscribe ${total(removed, FILTERS)}, routes left ${router.routeCount}`);
  measureReuse(router, filter);
}

measure('devices', deviceFilter, deviceTopic);
const random = randomFilters();
measure('random', random.filter, random.topic);
measurePeer('devices', deviceFilter);
out(`load average ${loadavg()[0]!.toFixed(1)}`);
