import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Link } from '../../../workers/transport/link.js';
import { TlsStage } from '../../helpers/tls-stage.js';
import { until } from '../../helpers/with-broker.js';

/** What a link tells its handler, and a way to write to it as an output does. */
class Owner {
  readonly ends: string[] = [];
  received = Buffer.alloc(0);
  drains = 0;
  onDrained: () => void = () => undefined;

  constructor(readonly link: Link) {
    link.handler = {
      onBytes: (bytes, start, end) => {
        this.received = Buffer.concat([this.received, bytes.subarray(start, end)]);
      },
      onDrain: () => {
        this.drains++;
        this.onDrained();
      },
      onLinkClosed: (end) => this.ends.push(end),
    };
  }

  /** Writes chunks, and overwrites each as soon as the link has said that it may. */
  async write(chunks: readonly Buffer[]): Promise<void> {
    const { link } = this;
    const drained = new Promise<void>((resolve) => {
      this.onDrained = resolve;
    });
    const isFree = chunks.length === 1 ? link.write(chunks[0]!, 0, chunks[0]!.length) : link.writeAll(chunks);
    if (!isFree) await drained;
    for (const chunk of chunks) chunk.fill(0xff);
  }
}

interface Pair {
  readonly client: TLSSocket;
  /** Below the client. */
  readonly socket: Socket;
  readonly owner: Owner;
}

async function pair(t: ExecutionContext): Promise<Pair> {
  const stage = await TlsStage.open(t);
  let owner: Owner | null = null;
  stage.onReady = (link) => {
    owner = new Owner(link);
  };
  const socket = await stage.plainClient();
  const client = await stage.client({ socket });
  client.on('error', () => undefined);
  await until(() => owner !== null, 'the link');
  return { client, socket, owner: owner! };
}

/** Bytes that say where they belong. */
function pattern(from: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = ((from + i) * 31) % 251;
  return bytes;
}

const writes = fc.array(
  fc.record({
    sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 40_000 })), {
      minLength: 1,
      maxLength: 5,
    }),
    /** Lets the loop turn before it. */
    waits: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
);

for (const reader of ['a reader', 'a reader that does not read at first'] as const) {
  test(`what is overwritten as soon as the link allows it has arrived as it was: ${reader}`, async (t) => {
    const { client, owner } = await pair(t);
    let sent = 0;
    let got = 0;
    let isIntact = true;
    client.on('data', (bytes: Buffer) => {
      isIntact &&= bytes.equals(pattern(got, bytes.length));
      got += bytes.length;
    });
    await fc.assert(
      fc.asyncProperty(writes, async (all) => {
        if (reader !== 'a reader') client.pause();
        const unpause = setTimeout(() => client.resume(), 20);
        for (const { sizes, waits } of all) {
          if (waits) await nextTurn();
          const chunks = sizes.map((size) => {
            sent += size;
            return pattern(sent - size, size);
          });
          await owner.write(chunks);
        }
        clearTimeout(unpause);
        client.resume();
        await until(() => got === sent, 'all bytes');
        return isIntact;
      }),
      { numRuns: 40 },
    );
    t.true(owner.drains > 0, 'some writes had to wait');
  });
}

test('a link that is not read is full soon, and takes more when it is', async (t) => {
  const { client, owner } = await pair(t);
  client.pause();
  const chunk = Buffer.alloc(64 << 10);
  let taken = 0;
  while (owner.link.write(chunk, 0, chunk.length)) {
    taken += chunk.length;
    await nextTurn();
    t.true(taken < 64 << 20, 'it keeps no more than the kernel does');
  }
  t.is(owner.drains, 0);
  client.resume();
  await until(() => owner.drains === 1, 'the link to be free again');
  t.true(owner.link.write(chunk, 0, chunk.length));
});

test('nothing comes while it is paused, everything when it is not', async (t) => {
  const { client, owner } = await pair(t);
  owner.link.pause();
  client.write(pattern(0, 300_000));
  for (let i = 0; i < 20; i++) await nextTurn();
  t.true(owner.received.length <= 64 << 10);
  owner.link.resume();
  await until(() => owner.received.length === 300_000, 'all bytes');
  t.true(owner.received.equals(pattern(0, 300_000)));
});

test('end sends what is written and then closes, although the client goes on sending', async (t) => {
  const { client, owner } = await pair(t);
  let got = 0;
  client.on('data', (bytes: Buffer) => {
    got += bytes.length;
  });
  owner.link.pause();
  client.write(Buffer.alloc(100_000));
  owner.link.writeAll([Buffer.alloc(50_000), Buffer.alloc(50_000)]);
  owner.link.end();
  await once(client, 'end');
  t.is(got, 100_000);
  await until(() => owner.ends.length > 0, 'the link to be closed');
  t.deepEqual(owner.ends, ['closed']);
});

test('each way to end is told once', async (t) => {
  const ways: Record<string, (pair: Pair) => void> = {
    'the client says good-bye': ({ client }) => client.end(),
    'the client is gone': ({ client }) => client.destroy(),
    'the client resets': ({ socket }) => socket.resetAndDestroy(),
    'the owner destroys': ({ owner }) => owner.link.destroy(),
    'the owner destroys twice, and has ended before': ({ owner }) => {
      owner.link.end();
      owner.link.destroy();
      owner.link.destroy();
    },
    'the owner ends': ({ owner }) => owner.link.end(),
    'both end': ({ client, owner }) => {
      client.end();
      owner.link.end();
    },
  };
  for (const [way, go] of Object.entries(ways)) {
    const both = await pair(t);
    both.client.on('data', () => undefined);
    both.owner.link.write(Buffer.from('bye'), 0, 3);
    go(both);
    await until(() => both.owner.ends.length > 0, way);
    for (let i = 0; i < 10; i++) await nextTurn();
    t.is(both.owner.ends.length, 1, way);
  }
});

test('writing after the end changes nothing', async (t) => {
  const { socket, owner } = await pair(t);
  socket.resetAndDestroy();
  await until(() => owner.ends.length > 0, 'the link to be closed');
  owner.link.write(Buffer.from('late'), 0, 4);
  owner.link.writeAll([Buffer.from('later'), Buffer.from('still')]);
  owner.link.end();
  owner.link.pause();
  owner.link.resume();
  for (let i = 0; i < 10; i++) await nextTurn();
  t.is(owner.ends.length, 1);
  t.is(owner.drains, 0);
});
