/** A client of the stub shard: raw bytes out, the greeting and whatever follows it in. */
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { RunningBroker } from '../../src/broker.js';
import type { Greeting } from './stub-shard.worker.js';

export const STUB_SHARD = new URL('./stub-shard.worker.js', import.meta.url);

export class StubClient {
  readonly socket: Socket;
  #received = '';
  #isClosed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static open(broker: RunningBroker, listener?: string): Promise<StubClient> {
    return StubClient.openAt(addressFor(broker, listener));
  }

  static async openAt(address: NetConnectOpts): Promise<StubClient> {
    const client = new StubClient(connect({ ...address, noDelay: true }));
    await once(client.socket, 'connect');
    return client;
  }

  /** Opens, sends `bytes` and waits for the greeting. */
  static async greet(
    broker: RunningBroker,
    bytes: Uint8Array,
    listener?: string,
  ): Promise<{ client: StubClient; greeting: Greeting }> {
    const client = await StubClient.open(broker, listener);
    client.send(bytes);
    return { client, greeting: await client.greeting() };
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  async greeting(): Promise<Greeting> {
    return JSON.parse(await this.line()) as Greeting;
  }

  /** @returns the next line. @throws Error when the connection ends before */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf('\n');
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 1);
        return line;
      }
      if (this.#isClosed) throw new Error('the broker has closed the connection');
      await this.#change();
    }
  }

  /** Resolves when the broker has closed the connection. */
  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#change();
  }

  drop(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function addressFor(broker: RunningBroker, name?: string): NetConnectOpts {
  const listener = broker.listeners.find((each) => name === undefined || each.name === name);
  if (listener === undefined) throw new Error(`no listener ${name ?? ''}`);
  const { host, port, path } = listener;
  return path === null ? { host, port } : { path };
}

/** A CONNECT of 3.1.1 with a clean session. */
export function connectBytes(clientId: string): Buffer {
  const id = Buffer.from(clientId);
  const body = Buffer.concat([
    Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, id.length >> 8, id.length & 0xff]),
    id,
  ]);
  if (body.length > 127) throw new Error('too long for one length byte');
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
