/** Those who subscribe: some stay, some come and go, some change what they want, some begin anew. */
import { BookClient } from './book-client.js';
import type { Note } from './entries.js';
import { pause } from './pause.js';
import type { Place } from './place.js';
import type { Random } from './random.js';

const HOUR_SECONDS = 3_600;
/** Of those whose sessions expire in the run. */
const SHORT_SECONDS = 2;
/** Away for so long is longer than that, with the time that the judge leaves the broker. */
const LONG_AWAY_MS = 7_000;
const SHORT_AWAY_MS = 700;

type Filters = readonly (readonly [filter: string, qos: number])[];

/** One who subscribes once and then does as its kind does, until it is told to finish. */
export abstract class Reader {
  protected isFinishing = false;
  /** Resolves when its first subscriptions are there. */
  readonly settled: Promise<void>;
  protected readonly client: BookClient;
  private living: Promise<void> | null = null;

  constructor(
    clientId: string,
    version: 4 | 5,
    protected readonly filters: Filters,
    place: Place,
    note: Note,
    protected readonly random: Random,
    expirySeconds = HOUR_SECONDS,
  ) {
    this.client = new BookClient({ clientId, version, expirySeconds }, place, note);
    this.client.begin();
    this.settled = this.subscribeAll();
  }

  /** From now on it lives its life. */
  start(): void {
    this.living = this.live();
  }

  /** Resolves when it is where it will stay. */
  async finish(): Promise<void> {
    this.isFinishing = true;
    await this.living;
    this.client.begin();
  }

  protected async subscribeAll(): Promise<void> {
    await Promise.all(this.filters.map(([filter, qos]) => this.client.subscribe(filter, qos)));
  }

  /** Something happens from time to time, until all is to finish. */
  protected async live(): Promise<void> {
    while (!this.isFinishing) {
      await pause(this.random.between(50, 600));
      if (!this.isFinishing) await this.step();
    }
  }

  protected abstract step(): Promise<void>;

  protected async beAway(ms: number): Promise<void> {
    this.client.leave(this.random.percent(60) ? 'dropped' : 'left');
    const untilMs = performance.now() + ms;
    while (!this.isFinishing && performance.now() < untilMs) await pause(20);
  }
}

class Steady extends Reader {
  protected async step(): Promise<void> {}
}

class Wanderer extends Reader {
  protected async step(): Promise<void> {
    await this.beAway(this.random.between(0, SHORT_AWAY_MS));
    this.client.begin();
  }
}

/**
 * Changes what it wants a few times, and then leaves it so, often until after the next crash and what the judge leaves
 * the broker then: what was answered just before has to hold.
 */
class Changer extends Reader {
  protected async step(): Promise<void> {
    const [filter, qos] = this.random.pick(this.filters);
    for (let left = this.random.between(1, 3); left > 0; left--) {
      await this.client.unsubscribe(filter);
      await this.rest(30);
      await this.client.subscribe(filter, qos);
    }
    await this.rest(50);
  }

  private async rest(percent: number): Promise<void> {
    const isLong = this.random.percent(percent);
    const untilMs = performance.now() + (isLong ? this.random.between(3_500, LONG_AWAY_MS) : 0);
    while (!this.isFinishing && performance.now() < untilMs) await pause(20);
  }
}

/** MQTT 5: before, a session that begins anew ends with its connection. */
class Beginner extends Reader {
  protected async step(): Promise<void> {
    if (this.random.percent(50)) {
      await this.beAway(this.random.between(0, SHORT_AWAY_MS));
      this.client.begin();
      return;
    }
    this.client.leave('dropped');
    this.client.begin(true);
    await this.subscribeAll();
  }
}

/** Mostly away for less than its session lives, and now and then for much longer. */
class Forgetful extends Reader {
  protected async step(): Promise<void> {
    const isLong = this.random.percent(30);
    await this.beAway(isLong ? LONG_AWAY_MS : this.random.between(0, SHORT_AWAY_MS));
    this.client.begin();
    if (isLong) await this.subscribeAll();
  }
}

/** Everybody who subscribes. The first of them witnesses all wills. */
export function createReaders(place: Place, note: Note, random: Random): Reader[] {
  const both = (publisher: string, qos: number): Filters => [[`t/${publisher}/#`, qos]];
  const readers: Reader[] = [
    new Steady('witness', 5, [['wills/#', 2]], place, note, random),
    new Steady('steady-1', 4, [['t/+/q1', 1]], place, note, random),
    new Steady('steady-2', 5, [['t/+/q2', 2]], place, note, random),
    new Forgetful('forgetful', 5, both('p1', 2), place, note, random, SHORT_SECONDS),
  ];
  for (let i = 0; i < 4; i++) {
    const version = i % 2 === 0 ? 4 : 5;
    const filters: Filters = [
      [`t/p${i}/#`, 2],
      [`t/p${i + 4}/q1`, 1],
    ];
    readers.push(
      new Wanderer(`wanderer-${i}`, version, filters, place, note, random),
      new Changer(`changer-${i}`, version, filters, place, note, random),
      new Changer(`changer-${i + 4}`, version, both(`p${i + 4}`, 2), place, note, random),
      new Beginner(`beginner-${i}`, 5, both(`p${i}`, 2), place, note, random),
      new Wanderer(`member1-${i}`, version, [['$share/one/t/+/q1', 1]], place, note, random),
      new Wanderer(`member2-${i}`, version, [['$share/two/t/+/q2', 2]], place, note, random),
    );
  }
  return readers;
}
