/** A broker of a few lines that loses, repeats or swaps messages on purpose: what the load generator must notice. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Transport } from '../../../perf/lib/transport.js';
import { CERTS } from '../../helpers/certs.js';

export type Fault = 'none' | 'lose' | 'repeat' | 'swap';

/** Every message of this number in the stream meets the fault. */
const FAULT_EVERY = 50;

interface Subscriber {
  readonly clientId: string;
  readonly filter: string;
  /** Null: away. */
  socket: Duplex | null;
  readonly waiting: Buffer[];
}

export class FaultyBroker {
  readonly #server: Server;
  readonly #subscribers: Subscriber[] = [];
  readonly #retained: { readonly topic: string; readonly bytes: Buffer }[] = [];
  #count = 0;
  #heldBack: Packet | null = null;

  constructor(
    readonly fault: Fault,
    transport: Transport = 'tcp',
  ) {
    this.#server = this.#createServer(transport);
  }

  /** @returns the port. */
  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
  }

  #createServer(transport: Transport): Server {
    const serve = (socket: Duplex): void => this.#serve(socket);
    const { certfile, keyfile } = CERTS.serverEcdsa;
    const tls = { cert: readFileSync(certfile), key: readFileSync(keyfile) };
    if (transport === 'tcp') return createServer(serve);
    if (transport === 'ssl') return createTlsServer(tls, serve);
    const server = transport === 'ws' ? createHttpServer() : createHttpsServer(tls);
    const webSockets = new WebSocketServer({ server, path: '/mqtt' });
    webSockets.on('connection', (socket) => serve(createWebSocketStream(socket)));
    return server;
  }

  #serve(socket: Duplex): void {
    const parser = mqttPacket.parser();
    let clientId = '';
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') clientId = packet.clientId;
      this.#onPacket(socket, clientId, packet);
    });
    socket.on('data', (bytes) => parser.parse(bytes));
    socket.on('error', () => socket.destroy());
  }

  #onPacket(socket: Duplex, clientId: string, packet: Packet): void {
    if (packet.cmd === 'connect') {
      this.#connect(socket, clientId);
    } else if (packet.cmd === 'disconnect') {
      for (const one of this.#subscribers) if (one.clientId === clientId) one.socket = null;
    } else if (packet.cmd === 'subscribe') {
      this.#subscribers.push({ clientId, filter: packet.subscriptions[0]!.topic, socket, waiting: [] });
      socket.write(mqttPacket.generate({ cmd: 'suback', messageId: packet.messageId!, granted: [0] }));
      this.#replay(socket, packet.subscriptions[0]!.topic);
    } else if (packet.cmd === 'unsubscribe') {
      const at = this.#subscribers.findIndex((one) => one.clientId === clientId);
      this.#subscribers.splice(at, 1);
      socket.write(mqttPacket.generate({ cmd: 'unsuback', messageId: packet.messageId!, granted: [] }));
    } else if (packet.cmd === 'publish') {
      if (packet.retain) this.#retain(packet);
      else for (const delivery of this.#distorted(packet)) this.#deliver(delivery, packet.topic);
      if (packet.qos === 1)
        socket.write(mqttPacket.generate({ cmd: 'puback', messageId: packet.messageId! }));
    }
  }

  #replay(socket: Duplex, filter: string): void {
    for (const { topic, bytes } of this.#retained)
      if (topic.startsWith(filter.slice(0, -1))) socket.write(bytes);
  }

  #retain(packet: IPublishPacket): void {
    const { topic, payload } = packet;
    for (const _ of this.#distorted(packet)) {
      const message = { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: true } as const;
      this.#retained.push({ topic, bytes: mqttPacket.generate(message) });
    }
  }

  #connect(socket: Duplex, clientId: string): void {
    const known = this.#subscribers.find((one) => one.clientId === clientId);
    const sessionPresent = known !== undefined;
    socket.write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent }));
    if (known === undefined) return;
    known.socket = socket;
    for (const bytes of known.waiting.splice(0)) socket.write(bytes);
  }

  #distorted(packet: Packet): Packet[] {
    const isFaulty = ++this.#count % FAULT_EVERY === 0;
    if (isFaulty && this.fault === 'lose') return [];
    if (isFaulty && this.fault === 'repeat') return [packet, packet];
    if (isFaulty && this.fault === 'swap') {
      this.#heldBack = packet;
      return [];
    }
    const late = this.#heldBack;
    this.#heldBack = null;
    return late === null ? [packet] : [packet, late];
  }

  #deliver(packet: Packet, topic: string): void {
    const bytes = mqttPacket.generate(packet);
    for (const { socket, filter, waiting } of this.#subscribers) {
      if (!topic.startsWith(filter.slice(0, -1))) continue;
      if (socket === null) waiting.push(bytes);
      else socket.write(bytes);
    }
  }
}
