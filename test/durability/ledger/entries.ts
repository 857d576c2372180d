/**
 * What the clients of the ledger write down, each in its own process, and what the test writes down about the broker.
 * Times are of the machine's monotonic clock, which all processes share, in microseconds.
 */

/** A message is named by its topic, which has one publisher and one QoS, and its number there, which rises. */
interface OfMessage {
  readonly topic: string;
  readonly seq: number;
}

interface OfClient {
  readonly client: string;
}

export interface Will {
  /** Of this connection alone. */
  readonly topic: string;
  readonly qos: number;
}

/** How a connection ended: its client broke it off, took its leave, or was left. */
export type Ending = 'dropped' | 'left' | 'lost';

export type Event =
  | ({
      kind: 'sent';
      client: string;
      qos: number;
      isRetained: boolean;
      /** It has no payload and removes what was retained. */
      isRemoval: boolean;
    } & OfMessage)
  /** Sent again with QoS 2 in MQTT 5, on another connection: nothing had answered. */
  | ({ kind: 'resent'; client: string } & OfMessage)
  /** PUBACK or PUBREC without an error. */
  | ({ kind: 'acked'; client: string } & OfMessage)
  /** PUBACK or PUBREC with an error: nothing is promised. */
  | ({ kind: 'refused'; client: string } & OfMessage)
  | ({ kind: 'connecting'; isClean: boolean; expirySeconds: number; will: Will | null } & OfClient)
  | ({ kind: 'connected'; isPresent: boolean } & OfClient)
  | ({ kind: 'closed'; how: Ending } & OfClient)
  | ({ kind: 'subscribing'; filter: string; qos: number } & OfClient)
  | ({ kind: 'subscribed'; filter: string } & OfClient)
  | ({ kind: 'unsubscribing'; filter: string } & OfClient)
  | ({ kind: 'unsubscribed'; filter: string } & OfClient)
  /** Handed to the application: at QoS 2 once for each exchange. */
  | ({ kind: 'received'; qos: number; isRetained: boolean } & OfMessage & OfClient)
  /** The broker broke a rule of the protocol, or the payload is not what was sent. */
  | ({ kind: 'broken'; what: string } & OfClient)
  /** All that was retained under `filter`, asked for at `askedUs`. `isLast`: nothing was published meanwhile. */
  | { kind: 'retained'; filter: string; askedUs: number; found: readonly OfMessage[]; isLast: boolean }
  /** `crash`: the process or one of its threads was killed, or stopped; `full`, `room`: nothing can be stored, again. */
  | { kind: 'broker'; what: 'crash' | 'full' | 'room' }
  /** Modulo the number of shards it is the shard of a client. */
  | { kind: 'slots'; slots: Readonly<Record<string, number>> }
  /** All of the broker runs, with so many shards. */
  | { kind: 'broker'; what: 'ready'; shards: number };

export type Entry = Event & { readonly atUs: number };

export type Note = (event: Event) => void;

/** Microseconds, the same in all processes of this machine. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Name of a message in maps and in what is said about it. */
export function messageKey({ topic, seq }: OfMessage): string {
  return `${topic} ${seq}`;
}
