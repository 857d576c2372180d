/** Those who publish: streams of messages, retained values, and wills. */
import { type BookClient, BookClient as Client } from './book-client.js';
import type { Note } from './entries.js';
import { payloadOf } from './payload.js';
import type { Place } from './place.js';
import type { Random } from './random.js';

/** Messages of one publisher that are under way. */
const WINDOW = 40;
/** So many that most are left alone over several crashes. */
const RETAINED_TOPICS = 30;
const WILL_CLIENTS_MAX = 6;
const PUBLISHERS = 10;
/** The others stay until somebody else ends their connection. */
const RESTLESS = 6;
/** Most messages fit into a packet or two of the network; a few are large. */
const SMALL_BYTES = 300;
const LARGE_BYTES = 20_000;

export interface Writer {
  /** Does what it does now and then. */
  act(): void;
  /** Publishes nothing new. @returns true once everything is acknowledged */
  finish(): boolean;
}

/** A stream of messages to two topics, one for each QoS; `isRestless`: it breaks its connection off now and then. */
export class Publisher implements Writer {
  private readonly client: BookClient;
  private readonly sequences = [0, 0, 0];

  constructor(
    private readonly name: string,
    version: 4 | 5,
    place: Place,
    note: Note,
    private readonly random: Random,
    private readonly isRestless: boolean,
  ) {
    this.client = new Client({ clientId: name, version, expirySeconds: 3_600 }, place, note);
    this.client.begin();
  }

  act(): void {
    const { client, random } = this;
    if (this.isRestless && random.percent(1)) this.breakOff();
    if (!client.isConnected) return;
    const burst = random.percent(20) ? random.between(5, 25) : random.between(0, 2);
    for (let i = 0; i < burst && client.underWay < WINDOW; i++) this.publish(random.percent(50) ? 1 : 2);
  }

  private publish(qos: 1 | 2): void {
    const topic = `t/${this.name}/q${qos}`;
    const seq = this.sequences[qos]!++;
    const bytes = this.random.percent(2) ? LARGE_BYTES : this.random.between(0, SMALL_BYTES);
    this.client.publish({ topic, seq, qos, payload: payloadOf(topic, seq, bytes), isRetained: false });
  }

  private breakOff(): void {
    this.client.leave(this.random.percent(70) ? 'dropped' : 'left');
    this.client.begin();
  }

  finish(): boolean {
    return this.client.underWay === 0;
  }
}

/** Sets and removes what is retained on topics of its own, one change at a time. */
export class Retainer implements Writer {
  private readonly client: BookClient;
  private seq = 0;

  constructor(
    private readonly name: string,
    version: 4 | 5,
    place: Place,
    note: Note,
    private readonly random: Random,
  ) {
    this.client = new Client({ clientId: name, version, expirySeconds: 3_600 }, place, note);
    this.client.begin();
  }

  act(): void {
    const { client, random } = this;
    if (!client.isConnected || client.underWay > 4 || random.percent(80)) return;
    const number = random.between(1, RETAINED_TOPICS);
    const topic = `r/${this.name}/${number}`;
    const seq = this.seq++;
    const payload = random.percent(15) ? '' : payloadOf(topic, seq, random.between(0, SMALL_BYTES));
    // One for each topic: when a connection is lost, QoS 1 comes again as a new message, behind what had QoS 2.
    client.publish({ topic, seq, qos: number % 2 === 0 ? 2 : 1, payload, isRetained: true });
  }

  finish(): boolean {
    return this.client.underWay === 0;
  }
}

/** Clients with wills: some are broken off, some take their leave, some wait for the broker to die. */
export class Mortals implements Writer {
  private readonly clients: BookClient[] = [];
  private count = 0;
  /** Those who have published, or will not. */
  private readonly published = new Set<BookClient>();

  constructor(
    private readonly place: Place,
    private readonly note: Note,
    private readonly random: Random,
  ) {}

  act(): void {
    const { clients, random } = this;
    for (const client of clients) if (client.isConnected && !this.published.has(client)) this.publish(client);
    if (random.percent(90)) return;
    if (clients.length < WILL_CLIENTS_MAX) {
      clients.push(this.newClient());
      return;
    }
    const [oldest] = clients.splice(random.between(0, clients.length - 1), 1);
    oldest!.leave(random.percent(60) ? 'dropped' : 'left');
  }

  /** Two of three publish once, for a will is promised with its acknowledgement. */
  private publish(client: BookClient): void {
    this.published.add(client);
    const { random } = this;
    if (random.percent(33)) return;
    const qos = random.percent(50) ? 1 : 2;
    const topic = `t/${client.options.clientId}/q${qos}`;
    client.publish({ topic, seq: 0, qos, payload: payloadOf(topic, 0, SMALL_BYTES), isRetained: false });
  }

  private newClient(): BookClient {
    const { random } = this;
    this.count += 1;
    const will = { topic: `wills/${this.count}`, qos: random.between(1, 2) };
    const options = { clientId: `mortal-${this.count}`, version: 4, expirySeconds: 0, will } as const;
    const { note } = this;
    const client: BookClient = new Client(options, this.place, (event) => {
      note(event);
      // Its connection is gone with the broker, and it with it: its will is due.
      if (event.kind !== 'closed' || event.how !== 'lost') return;
      const at = this.clients.indexOf(client);
      if (at >= 0) this.clients.splice(at, 1);
      client.leave('dropped');
    });
    client.begin(true);
    return client;
  }

  finish(): boolean {
    return true;
  }
}

/** Everybody who publishes, with wills last. */
export function createWriters(place: Place, note: Note, random: Random): Writer[] {
  const versions = [4, 5] as const;
  const publishers = Array.from(
    { length: PUBLISHERS },
    (_, i) => new Publisher(`p${i}`, versions[i % 2]!, place, note, random, i < RESTLESS),
  );
  const retainers = versions.map((version) => new Retainer(`v${version}`, version, place, note, random));
  return [...publishers, ...retainers, new Mortals(place, note, random)];
}
