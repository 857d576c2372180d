/**
 * Random lives of relayed clients between two shards, both of them edge and owner, over a real channel: what arrives is
 * what was sent, in order, within the windows; every end is told once to each side; nothing is left behind.
 */
import { setImmediate as nextLoop } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { LINK_CLOSE_TIMEOUT_MS, LINK_WRITE_BYTES_MAX, RELAY_WINDOW_BYTES } from '../../../src/limits.js';
import { type Accepted, Client, type Node, SEND_TIMEOUT_MS, World } from './world.js';

const CLIENTS = 4;
const PIECE_BYTES_MAX = 64 << 10;

const size = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: PIECE_BYTES_MAX }));
const step = fc.record({
  client: fc.nat({ max: CLIENTS - 1 }),
  size,
  times: fc.integer({ min: 1, max: 4 }),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('open' as const) },
    { weight: 12, arbitrary: fc.constant('send' as const) },
    { weight: 12, arbitrary: fc.constant('write' as const) },
    { weight: 10, arbitrary: fc.constant('loop' as const) },
    { weight: 3, arbitrary: fc.constantFrom('pause' as const, 'resume' as const) },
    { weight: 3, arbitrary: fc.constantFrom('slow' as const, 'drain' as const) },
    { weight: 2, arbitrary: fc.constantFrom('end' as const, 'destroy' as const, 'drop' as const) },
    { weight: 1, arbitrary: fc.constantFrom('stubborn' as const, 'advance' as const, 'die' as const) },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One client from its first byte to its end. */
interface Life {
  readonly client: Client;
  readonly edge: Node;
  readonly owner: Node;
  accepted: Accepted | null;
  /** A shard died under it. */
  isBroken: boolean;
}

class History {
  private readonly lives: Life[] = [];
  private readonly now: (Life | null)[] = new Array<Life | null>(CLIENTS).fill(null);
  private readonly dead: Node[] = [];
  private next = 0;

  constructor(
    private readonly t: ExecutionContext,
    readonly world: World,
  ) {}

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.apply(one);
      for (const life of this.lives) this.checkWindows(life);
    }
    await this.end();
    for (const life of this.lives) this.checkEnd(life);
    for (const node of this.world.nodes) this.checkEmpty(node);
  }

  private async apply({ client: index, size, times, what }: Step): Promise<void> {
    const life = this.now[index] ?? null;
    const { client, accepted } = life ?? { client: null, accepted: null };
    if (what === 'loop') for (let i = 0; i < times; i++) await this.loop();
    if (what === 'advance') for (const node of this.world.nodes) node.advance(1_000);
    if (what === 'die') this.die((index & 1) as 0 | 1);
    if (what === 'open' && (client === null || client.isClosed)) this.open(index, size);
    if (what === 'send') for (let i = 0; i < times; i++) client?.send(this.bytes(size));
    if (what === 'write') for (let i = 0; i < times; i++) accepted?.write(this.bytes(size));
    if (what === 'pause') accepted?.pause();
    if (what === 'resume') accepted?.resume();
    if (what === 'slow' && client !== null) client.isSlow = true;
    if (what === 'drain') client?.drain();
    if (what === 'end') accepted?.end();
    if (what === 'destroy') accepted?.destroy();
    if (what === 'drop') client?.drop();
    if (what === 'stubborn' && client !== null) client.isStubborn = true;
    this.matchAccepted();
  }

  private async loop(): Promise<void> {
    await nextLoop();
    for (const { hub } of this.world.nodes) hub.sweep();
  }

  // A head begins with four bytes by which the owner's side is found again.
  private open(index: number, headBytes: number): void {
    const edge = this.world.nodes[(index & 1) as 0 | 1];
    const owner = this.world.nodes[(1 - (index & 1)) as 0 | 1];
    const life = { client: new Client(), edge, owner, accepted: null, isBroken: false };
    this.now[index] = life;
    const head = this.bytes(headBytes + 4);
    head.writeUInt32BE(this.lives.length);
    this.lives.push(life);
    life.client.open(edge, owner.id, head);
  }

  private matchAccepted(): void {
    for (const node of [...this.world.nodes, ...this.dead]) {
      for (const accepted of node.accepted.splice(0)) {
        const life = this.lives[accepted.received[0]!.readUInt32BE()]!;
        this.t.is(life.owner, node);
        this.t.is(life.accepted, null, 'accepted once');
        this.t.like(accepted.opened, { listener: 3, peerPort: 1883, certificateUsername: 'name', ageMs: 17 });
        life.accepted = accepted;
      }
    }
  }

  private die(id: 0 | 1): void {
    const dead = this.world.replace(id);
    this.dead.push(dead);
    this.matchAccepted();
    for (const life of this.lives) {
      if (life.edge !== dead && life.owner !== dead) continue;
      if (life.client.ends.length > 0) continue;
      life.isBroken = true;
      // The kernel closes what belonged to a dead thread.
      if (life.edge === dead) this.now[this.now.indexOf(life)] = null;
    }
  }

  private bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = (this.next + i * 7) & 0xff;
    this.next += 13;
    return bytes;
  }

  private checkWindows({ client, accepted, edge, owner, isBroken }: Life): void {
    if (isBroken || accepted === null) return;
    if (accepted.bytesSincePause > RELAY_WINDOW_BYTES + PIECE_BYTES_MAX)
      this.t.fail('too much after a pause');
    if (client.isClosed || accepted.ends.length > 0) return;
    const boundBytes = (RELAY_WINDOW_BYTES + LINK_WRITE_BYTES_MAX) * CLIENTS;
    if (edge.outputs.waitingBytes - ownOutputs(this.lives, edge) > boundBytes)
      this.t.fail('too much at an edge');
    if (owner.hub.count > CLIENTS + this.lives.length) this.t.fail('relays are counted twice');
  }

  /** Everything that can still move does; then all leave. */
  private async end(): Promise<void> {
    const open = this.lives.filter(({ client }) => !client.isClosed);
    for (let round = 0; round < 40; round++) {
      for (const { client } of open) client.drain();
      // Also of clients that are gone: their owners hear of it then.
      for (const { accepted, owner } of this.lives) {
        if (accepted?.isPaused && accepted.ends.length === 0 && !this.dead.includes(owner)) accepted.resume();
      }
      await this.loop();
      this.matchAccepted();
    }
    for (const life of this.lives) this.checkStreams(life);
    for (const { hub, wheel } of this.world.nodes)
      this.t.is(wheel.size, hub.count, 'deadlines of the living');
    for (const { client } of open) if (!client.isStubborn) client.drop();
    for (const { client, accepted } of open) if (client.isStubborn) accepted?.end();
    await this.world.settle();
    for (const node of this.world.nodes) node.advance(Math.max(SEND_TIMEOUT_MS, LINK_CLOSE_TIMEOUT_MS) + 500);
    await this.world.settle();
    for (const node of this.world.nodes) node.advance(100);
    await this.world.settle();
  }

  private checkStreams({ client, accepted, isBroken }: Life): void {
    if (accepted === null) {
      this.t.true(isBroken, 'a client reaches its owner');
      return;
    }
    const sent = Buffer.concat(client.sent);
    const came = Buffer.concat(accepted.received);
    const written = Buffer.concat(accepted.written);
    const read = Buffer.concat(client.received);
    if (!sent.subarray(0, came.length).equals(came)) this.t.fail('bytes of the client in another order');
    if (!written.subarray(0, read.length).equals(read)) this.t.fail('bytes for the client in another order');
    if (isBroken) return;
    if (client.isPaused && !client.isClosed && !accepted.hasEnded) this.t.fail('it is not read any more');
    const isBrokenOff = accepted.ends[0] === 'broken' || client.isDestroyed;
    if (accepted.isGraceful && !isBrokenOff && !client.hasEnded) this.t.fail('it waits for its end in vain');
    if (!accepted.hasEnded && came.length !== sent.length) this.t.fail('bytes of the client were lost');
    const isWhole = !client.isClosed || client.hasEnded;
    if (isWhole && !client.isDestroyed && read.length !== written.length)
      this.t.fail('bytes for it were lost');
  }

  private checkEnd({ client, accepted, edge, owner, isBroken }: Life): void {
    if (accepted !== null && !this.dead.includes(owner))
      this.t.is(accepted.ends.length, 1, 'the owner hears once');
    if (this.dead.includes(edge)) return;
    this.t.true(client.isClosed);
    this.t.is(client.ends.length, 1, 'main hears once');
    if (!isBroken) this.t.is(client.ends[0], `owner says ${accepted!.ends[0]}`);
  }

  private checkEmpty(node: Node): void {
    const { hub, outputs, memory, wheel } = node;
    const left = [hub.count, hub.waitingBytes, outputs.waitingBytes, memory.totalBytes, wheel.size];
    this.t.deepEqual(left, [0, 0, 0, 0, 0]);
  }
}

/** Bytes that wait in outputs of a node which are not at the end of a relay. */
function ownOutputs(lives: readonly Life[], node: Node): number {
  let bytes = 0;
  for (const { owner, accepted } of lives) if (owner === node) bytes += accepted?.output.waitingBytes ?? 0;
  return bytes;
}

for (const [title, underWayBytesMax] of [
  ['relayed bytes arrive whole and in order, within their windows, and every end is told once', undefined],
  ['and where they often wait for each other', 70 << 10],
] as const) {
  test(title, async (t) => {
    const steps = fc.array(step, { minLength: 30, maxLength: 200, size: 'max' });
    const property = fc.asyncProperty(steps, async (history) => {
      const run = new History(t, new World(underWayBytesMax));
      try {
        await run.run(history);
      } finally {
        run.world.close();
      }
    });
    await fc.assert(property, { numRuns: 150, endOnFailure: true });
  });
}
