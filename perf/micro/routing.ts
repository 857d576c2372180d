/**
 * Cost of the routing of one shard, outside any broker: `node --expose-gc dist/perf/micro/routing.js [filters]`.
 * Filters are those of a device fleet, `site/+/device/ID/#` and `site/SITE/device/ID/state` in turn; with "random" a
 * fifth of the levels before the last is `+`.
 */
import { Router, type Subscriber } from '../../workers/routing/router.js';

class Client implements Subscriber {
  slot = -1;
  durable = false;
  online = true;
}

const FILTERS = Number(process.argv[2] ?? 1_000_000);
const SITES = 100;
const FILTERS_PER_CLIENT = 10;
const TOPICS = 200_000;

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const gc = globalThis.gc ?? (() => {});

function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
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

function makeTopics(topic: (i: number) => string): { bytes: Uint8Array; ends: Int32Array } {
  const random = makeRandom(2);
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

/** @returns nanoseconds per topic, and targets found per topic. */
function matchAll(router: Router<Client>, topics: ReturnType<typeof makeTopics>): [number, number] {
  let found = 0;
  const ns = timed(() => {
    let start = 0;
    for (const end of topics.ends) {
      const route = router.match(topics.bytes, start, end);
      found += route.subscribers.length;
      start = end;
    }
  });
  return [ns / TOPICS, found / TOPICS];
}

function lookupAll(router: Router<Client>, topics: ReturnType<typeof makeTopics>, count: number): number {
  const rounds = Math.ceil(1_000_000 / count);
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
      router.match(topics.bytes, start, topics.ends[i]!);
      start = topics.ends[i]!;
    }
  };
  // Twice, for what is there already may fill the cache before it is emptied.
  fill();
  fill();
  pass();
  missing = 0;
  const ns = timed(() => {
    for (let round = 0; round < rounds; round += 1) pass();
  });
  if (missing > 0) out(`  ${missing} topics were not in the cache`);
  return ns / (rounds * count);
}

/** Interest of another shard: filters alone, without subscriptions. */
function measurePeer(name: string, filter: (i: number) => string): void {
  const before = memoryBytes();
  const router = makeRouter();
  const ns = timed(() => {
    for (let i = 0; i < FILTERS; i += 1)
      router.interest.applyInterest(1, { filter: filter(i), plain: true, durable: false });
  });
  const bytes = memoryBytes() - before;
  out(
    `${name}, another shard's: ${(bytes / FILTERS).toFixed(1)} bytes per filter, ${(ns / FILTERS).toFixed(0)} ns to add`,
  );
  out(`  full collection ${(timed(gc) / 1e6).toFixed(1)} ms`);
  let longest = 0;
  for (let done = false; !done; ) {
    const ns = timed(() => {
      done = router.interest.dropShardSome(1, 1_024);
    });
    longest = Math.max(longest, ns);
  }
  out(
    `  longest slice of 1,024 while dropping the shard ${(longest / 1e6).toFixed(2)} ms, routes left ${router.routeCount}`,
  );
}

function makeRouter(): Router<Client> {
  return new Router({ shard: 0, hashSeed: 0x5eed, topicsCachedMax: 65_536, targetsCachedMax: 1_000_000 });
}

function measure(name: string, filter: (i: number) => string, topic: (i: number) => string): void {
  const topics = makeTopics(topic);
  const clients: Client[] = [];
  const before = memoryBytes();
  const router = makeRouter();
  const addNs = timed(() => subscribeAll(router, clients, filter));
  const bytes = memoryBytes() - before;
  out(`${name}: ${router.filterCount} filters, ${router.subscriptionCount} subscriptions`);
  out(`  ${(bytes / FILTERS).toFixed(1)} bytes per filter with its subscription, sessions included`);
  out(`  subscribe ${(addNs / FILTERS).toFixed(0)} ns`);
  matchAll(router, topics);
  const [matchNs, found] = matchAll(router, topics);
  out(`  match ${matchNs.toFixed(0)} ns, ${found.toFixed(2)} sessions each`);
  out(
    `  cached: ${lookupAll(router, topics, 1_000).toFixed(0)} ns of 1,000 topics, ${lookupAll(router, topics, 50_000).toFixed(0)} ns of 50,000`,
  );
  out(`  full collection ${(timed(gc) / 1e6).toFixed(1)} ms`);
  const removeNs = timed(() => {
    for (let i = 0; i < clients.length; i += 1) {
      router.removeAll(clients[i]!);
      if (i % 100 === 99) router.interest.takeInterestChanges();
    }
    router.interest.takeInterestChanges();
  });
  out(`  remove ${(removeNs / FILTERS).toFixed(0)} ns per subscription, routes left ${router.routeCount}`);
}

measure('devices', deviceFilter, deviceTopic);
const random = randomFilters();
measure('random', random.filter, random.topic);
measurePeer('devices', deviceFilter);
