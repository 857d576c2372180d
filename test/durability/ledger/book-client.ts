/**
 * An MQTT client that keeps to the book: what a session has under way stays over connections, and goes on with
 * the next one as the specification says. It connects again by itself, and notes everything that it does.
 */
import { type Carrier, overSocket } from '../../helpers/carrier.js';
import { ack, connect, disconnect, publish, subscribe, unsubscribe } from '../../helpers/packets.js';
import { decode, type Received } from '../../helpers/received.js';
import type { Ending, Note, Will } from './entries.js';
import { seqOf } from './payload.js';
import type { Place } from './place.js';

export interface BookOptions {
  readonly clientId: string;
  readonly version: 4 | 5;
  readonly expirySeconds: number;
  readonly will?: Will;
}

export interface Outgoing {
  readonly topic: string;
  readonly seq: number;
  readonly qos: 1 | 2;
  readonly payload: string;
  readonly isRetained: boolean;
}

interface UnderWay extends Outgoing {
  readonly id: number;
  /** PUBREC has come: PUBREL is sent instead of PUBLISH. */
  isReceived: boolean;
}

/** A SUBSCRIBE or UNSUBSCRIBE that is to be answered. */
interface Wish {
  readonly filter: string;
  /** Null: not any more. */
  readonly qos: number | null;
  id: number;
  isNoted: boolean;
  readonly fulfilled: () => void;
}

const CONNACK_TIMEOUT_MS = 12_000;
const PACKET_ID_MAX = 65_535;
const REFUSED = 0x80;
const PACKET_ID_UNKNOWN = 0x92;
/** After an answer that refuses. */
const AGAIN_MS = 100;

export class BookClient {
  isConnected = false;
  private carrier: Carrier | null = null;
  private unread: Buffer = Buffer.alloc(0);
  private isWanted = false;
  private isClean = false;
  private lastId = 0;
  /** By packet id, in the order of sending. */
  private readonly outgoing = new Map<number, UnderWay>();
  /** QoS 2: packet ids that await PUBREL, and what came with them. */
  private readonly incoming = new Map<number, string>();
  private readonly wishes: Wish[] = [];

  constructor(
    readonly options: BookOptions,
    private readonly place: Place,
    private readonly note: Note,
  ) {}

  get underWay(): number {
    return this.outgoing.size;
  }

  /** Connects, and again whenever the connection is lost. `isClean`: its session begins anew. */
  begin(isClean = false): void {
    this.isWanted = true;
    this.isClean = isClean;
    if (this.carrier === null) void this.connect();
  }

  /** Ends the connection, until `begin`. */
  leave(how: 'dropped' | 'left'): void {
    this.isWanted = false;
    const { carrier } = this;
    if (carrier === null) return;
    if (how === 'left' && this.isConnected) {
      carrier.write(disconnect());
      carrier.end();
    }
    this.closed(carrier, this.isConnected ? how : 'dropped');
    carrier.drop();
  }

  /** To be called while connected. */
  publish(message: Outgoing): void {
    const { options, outgoing } = this;
    const underWay = { ...message, id: this.freeId(), isReceived: false };
    outgoing.set(underWay.id, underWay);
    const { topic, seq, qos, isRetained } = message;
    const isRemoval = message.payload === '';
    this.note({ kind: 'sent', client: options.clientId, topic, seq, qos, isRetained, isRemoval });
    this.sendPublish(underWay, false);
  }

  /** Resolves with SUBACK, however many connections it takes. */
  subscribe(filter: string, qos: number): Promise<void> {
    return this.wish(filter, qos);
  }

  unsubscribe(filter: string): Promise<void> {
    return this.wish(filter, null);
  }

  private wish(filter: string, qos: number | null): Promise<void> {
    return new Promise((fulfilled) => {
      this.wishes.push({ filter, qos, id: 0, isNoted: false, fulfilled });
      if (this.wishes.length === 1 && this.isConnected) this.sendWish();
    });
  }

  private sendWish(): void {
    const wish = this.wishes[0];
    if (wish === undefined) return;
    const { clientId: client, version } = this.options;
    const { filter, qos } = wish;
    wish.id = this.freeId();
    if (!wish.isNoted) {
      this.note(
        qos === null
          ? { kind: 'unsubscribing', client, filter }
          : { kind: 'subscribing', client, filter, qos },
      );
    }
    wish.isNoted = true;
    const bytes =
      qos === null ? unsubscribe(version, wish.id, [filter]) : subscribe(version, wish.id, [[filter, qos]]);
    this.carrier?.write(bytes);
  }

  private async connect(): Promise<void> {
    for (;;) {
      await this.place.wait();
      if (!this.isWanted || this.carrier !== null) return;
      try {
        const carrier = await overSocket(this.place.address());
        if (this.isWanted && this.carrier === null) this.opened(carrier);
        else carrier.drop();
        return;
      } catch {
        // Nobody listens there now.
      }
    }
  }

  private opened(carrier: Carrier): void {
    const { clientId, version, expirySeconds, will } = this.options;
    this.carrier = carrier;
    this.unread = Buffer.alloc(0);
    carrier.onBytes = (bytes) => this.onBytes(carrier, bytes);
    carrier.onClosed = () => this.closed(carrier, 'lost');
    this.note({
      kind: 'connecting',
      ...{ client: clientId, isClean: this.isClean, expirySeconds, will: will ?? null },
    });
    carrier.write(
      connect({
        ...{ version, clientId, clean: this.isClean },
        ...(version === 5 ? { properties: { sessionExpiry: expirySeconds } } : {}),
        ...(will === undefined ? {} : { will: { ...will, payload: 'will' } }),
      }),
    );
    setTimeout(() => {
      if (this.carrier !== carrier || this.isConnected) return;
      this.closed(carrier, 'lost');
      carrier.drop();
    }, CONNACK_TIMEOUT_MS).unref();
  }

  private closed(carrier: Carrier, how: Ending): void {
    if (this.carrier !== carrier) return;
    this.carrier = null;
    this.isConnected = false;
    this.note({ kind: 'closed', client: this.options.clientId, how });
    if (this.isWanted) void this.connect();
  }

  private onBytes(carrier: Carrier, chunk: Buffer): void {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk]);
    try {
      while (this.carrier === carrier) {
        const found = decode(this.unread, this.options.version);
        if (found === null) return;
        this.unread = this.unread.subarray(found.frame.length);
        this.handle(found);
      }
    } catch (error) {
      this.broken(String(error));
      this.closed(carrier, 'lost');
      carrier.drop();
    }
  }

  private handle(found: Received): void {
    switch (found.type) {
      case 'connack':
        this.onConnack(found);
        break;
      case 'publish':
        this.onPublish(found);
        break;
      case 'pubrel':
        this.send('pubcomp', found.id, this.incoming.delete(found.id) ? 0 : PACKET_ID_UNKNOWN);
        break;
      case 'puback':
      case 'pubrec':
        this.onAcked(found);
        break;
      case 'pubcomp':
        if (this.outgoing.get(found.id)?.isReceived === true) this.outgoing.delete(found.id);
        break;
      case 'suback':
      case 'unsuback':
        this.onAnswer(found);
        break;
      case 'disconnect':
        break;
      default:
        this.broken(`came unasked: ${found.type}`);
    }
  }

  private onConnack({ code, sessionPresent }: Received): void {
    if (code !== 0) {
      this.carrier?.drop();
      return;
    }
    this.isConnected = true;
    this.note({ kind: 'connected', client: this.options.clientId, isPresent: sessionPresent });
    if (!sessionPresent) {
      this.outgoing.clear();
      this.incoming.clear();
      for (const wish of this.wishes) wish.isNoted = false;
    }
    for (const message of this.outgoing.values()) {
      if (message.isReceived) this.send('pubrel', message.id);
      else this.sendAgain(message);
    }
    this.sendWish();
  }

  private onPublish({ topic, payload, qos, id, retain }: Received): void {
    const isWill = topic.startsWith('wills/');
    const seq = isWill ? 0 : seqOf(topic, payload);
    if (seq === null) this.broken(`not what was published on ${topic}: ${payload.slice(0, 80)}`);
    const known = this.incoming.get(id);
    if (qos === 2 && known !== undefined) {
      if (known !== `${topic} ${seq}`) this.broken(`packet id ${id} of ${known} used for ${topic} ${seq}`);
    } else if (seq !== null) {
      const { clientId: client } = this.options;
      this.note({ kind: 'received', client, topic, seq, qos, isRetained: retain });
    }
    if (qos === 2) this.incoming.set(id, `${topic} ${seq}`);
    if (qos > 0) this.send(qos === 1 ? 'puback' : 'pubrec', id);
  }

  private onAcked({ type, id, code }: Received): void {
    const message = this.outgoing.get(id);
    const isExpected = message?.qos === (type === 'puback' ? 1 : 2);
    if (!isExpected || message === undefined) {
      this.broken(`${type} for packet id ${id}, which is not under way`);
      return;
    }
    const { clientId: client } = this.options;
    const { topic, seq } = message;
    if (code >= REFUSED) {
      this.note({ kind: 'refused', client, topic, seq });
      this.outgoing.delete(id);
    } else {
      if (!message.isReceived) this.note({ kind: 'acked', client, topic, seq });
      if (type === 'puback') this.outgoing.delete(id);
      else this.send('pubrel', id);
      message.isReceived = true;
    }
  }

  private onAnswer({ id, codes }: Received): void {
    const wish = this.wishes[0];
    if (wish === undefined || wish.id !== id) {
      this.broken(`SUBACK or UNSUBACK for packet id ${id}`);
      return;
    }
    if (codes.some((code) => code >= REFUSED)) {
      setTimeout(() => this.isConnected && this.sendWish(), AGAIN_MS);
      return;
    }
    this.wishes.shift();
    // From now on the broker has promised to keep the session that was begun anew.
    this.isClean = false;
    const { clientId: client } = this.options;
    this.note({ kind: wish.qos === null ? 'unsubscribed' : 'subscribed', client, filter: wish.filter });
    wish.fulfilled();
    this.sendWish();
  }

  private sendAgain(message: UnderWay): void {
    const { clientId: client, version } = this.options;
    const { topic, seq, qos } = message;
    if (version === 5 && qos === 2) this.note({ kind: 'resent', client, topic, seq });
    this.sendPublish(message, true);
  }

  private sendPublish({ topic, payload, qos, id, isRetained: retain }: UnderWay, dup: boolean): void {
    this.carrier?.write(publish(this.options.version, { topic, payload, qos, id, retain, dup }));
  }

  private send(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', id: number, code = 0): void {
    this.carrier?.write(ack(type, id, this.options.version === 5 ? code : 0));
  }

  private broken(what: string): void {
    this.note({ kind: 'broken', client: this.options.clientId, what });
  }

  /** Half of the clients use each identifier again as soon as it is free, half as late as they can. */
  private freeId(): number {
    if (this.options.version === 5) this.lastId = 0;
    do this.lastId = (this.lastId % PACKET_ID_MAX) + 1;
    while (this.outgoing.has(this.lastId));
    return this.lastId;
  }
}
