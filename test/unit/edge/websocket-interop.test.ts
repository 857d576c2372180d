/** The client of `ws` against the upgrade and the links behind it, plain and compressed, over a real socket. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { loadConfig } from '../../../src/config/load.js';
import { HttpUpgrades, type UpgradeFailed } from '../../../workers/edge/upgrade.js';
import { MemoryBudget } from '../../../workers/memory-budget.js';
import type { Link, LinkHandler } from '../../../workers/transport/link.js';
import { timing } from '../../helpers/inner-link.js';
import { StreamLink } from '../../helpers/stream-link.js';
import { until } from '../../helpers/with-broker.js';

/** Sends back what it gets, and stops reading while that cannot leave. */
class Echo implements LinkHandler {
  readonly ends: string[] = [];
  receivedBytes = 0;
  waiting: Buffer[] = [];
  isBusy = false;

  constructor(readonly link: Link) {
    link.handler = this;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    this.receivedBytes += end - start;
    const headroom = this.link.headroomBytes;
    this.waiting.push(Buffer.concat([Buffer.alloc(headroom), bytes.subarray(start, end)]));
    this.flush();
  }

  onDrain(): void {
    this.isBusy = false;
    this.flush();
    if (!this.isBusy) this.link.resume();
  }

  onLinkClosed(end: string): void {
    this.ends.push(end);
  }

  private flush(): void {
    while (!this.isBusy && this.waiting.length > 0) {
      const chunk = this.waiting.shift()!;
      this.isBusy = !this.link.write(chunk, this.link.headroomBytes, chunk.length);
      if (!this.isBusy) chunk.fill(0);
    }
    if (this.isBusy) this.link.pause();
  }
}

interface Pair {
  readonly client: WebSocket;
  readonly echo: Echo;
  readonly failures: UpgradeFailed[];
}

async function withPair(
  t: ExecutionContext,
  compress: boolean,
  run: (pair: Pair) => Promise<void>,
  packetBytesMax = '1MB',
): Promise<void> {
  const values = {
    'listener.ws.external': '127.0.0.1:0',
    'listener.ws.external.compress': `${compress}`,
    'mqtt.max_packet_size': packetBytesMax,
  };
  const loaded = loadConfig({ values });
  if (!loaded.ok) throw new Error(loaded.issues[0]?.line);
  const { config } = loaded;
  const listener = config.listeners.find(({ webSocket }) => webSocket !== null)!;
  const upgrades = new HttpUpgrades({ config, memory: new MemoryBudget(0), ...timing() }, listener);
  const failures: UpgradeFailed[] = [];
  const echoes: Echo[] = [];
  const server = net.createServer((socket) =>
    upgrades.open(new StreamLink(socket), Buffer.alloc(0), (outcome) => {
      if (outcome.ok) echoes.push(new Echo(outcome.link));
      else failures.push(outcome);
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, ['mqtt'], { perMessageDeflate: compress });
  client.on('error', () => {});
  await once(client, 'open');
  t.is(client.protocol, 'mqtt');
  t.is(client.extensions, compress ? 'permessage-deflate' : '');
  try {
    await run({ client, echo: echoes[0]!, failures });
  } finally {
    client.terminate();
    server.close();
    upgrades.close();
  }
}

/** The bytes that come, up to so many. */
function echoed(client: WebSocket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = bytes;
  return new Promise((resolve) => {
    client.on('message', (chunk: Buffer) => {
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing <= 0) resolve(Buffer.concat(chunks));
    });
  });
}

async function closed(client: WebSocket): Promise<number> {
  const [code] = (await once(client, 'close')) as [number];
  return code;
}

for (const compress of [false, true]) {
  const kind = compress ? 'compressed' : 'plain';

  test(`${kind}: messages of any size come back as they were sent`, async (t) => {
    await withPair(t, compress, async ({ client }) => {
      const messages = [0, 1, 125, 126, 1_000, 65_535, 65_536, 300_000].map((size) =>
        Buffer.from(Array.from({ length: size }, (_, i) => (i * size) % 251)),
      );
      const sent = Buffer.concat(messages);
      const back = echoed(client, sent.length);
      for (const message of messages) client.send(message);
      t.true((await back).equals(sent));
    });
  });

  test(`${kind}: a client that does not read for a while loses nothing`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      const count = 400;
      const back = echoed(client, count * 50_000);
      client.pause();
      // Hardly to be compressed: else nothing would ever fill up.
      const noise = Buffer.from(Array.from({ length: 50_000 }, () => Math.floor(Math.random() * 256)));
      for (let n = 0; n < count; n++) client.send(noise);
      await until(() => echo.isBusy, 'the echo to be held up');
      const before = echo.receivedBytes;
      t.true(before < count * 50_000, `${before} bytes read`);
      client.resume();
      t.is((await back).length, count * 50_000);
    });
  });

  test(`${kind}: pings are answered`, async (t) => {
    await withPair(t, compress, async ({ client }) => {
      client.ping('are you there');
      const [payload] = (await once(client, 'pong')) as [Buffer];
      t.is(String(payload), 'are you there');
    });
  });

  test(`${kind}: a client that closes gets its code back, and the link is closed once`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      client.close(4_001, 'done');
      t.is(await closed(client), 4_001);
      await until(() => echo.ends.length > 0, 'the end');
      t.deepEqual(echo.ends, ['closed']);
    });
  });

  test(`${kind}: an end from above is a close frame with 1000`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      echo.link.end();
      t.is(await closed(client), 1_000);
      await until(() => echo.ends.length > 0, 'the end');
      t.deepEqual(echo.ends, ['closed']);
    });
  });

  test(`${kind}: a link that is destroyed is closed at once, and told once`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      echo.link.destroy();
      t.is(await closed(client), 1_006);
      await until(() => echo.ends.length > 0, 'the end');
      t.deepEqual(echo.ends, ['closed']);
    });
  });

  test(`${kind}: a client that breaks off is told once`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      client.send(Buffer.alloc(10));
      client.terminate();
      await until(() => echo.ends.length > 0, 'the end');
      t.deepEqual(echo.ends, ['closed']);
    });
  });

  test(`${kind}: text is refused with 1003`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      client.send('text');
      t.is(await closed(client), 1_003);
      await until(() => echo.ends.length > 0, 'the end');
      t.deepEqual([echo.ends, echo.receivedBytes], [['websocket_text'], 0]);
    });
  });

  test(`${kind}: what came before a close is used first, also by a handler that had paused`, async (t) => {
    await withPair(t, compress, async ({ client, echo }) => {
      const { link } = echo;
      const ends: string[] = [];
      let received = 0;
      link.handler = {
        onBytes: (_bytes, start, end) => {
          received += end - start;
          link.pause();
        },
        onDrain: () => {},
        onLinkClosed: (end) => ends.push(`${end} after ${received}`),
      };
      client.send(Buffer.alloc(1_000));
      client.close();
      await until(() => received > 0, 'the message');
      t.deepEqual(ends, []);
      while (ends.length === 0) {
        link.resume();
        await new Promise(setImmediate);
      }
      t.deepEqual(ends, ['closed after 1000']);
    });
  });
}

test('compressed: a message that grows beyond the limit ends its client with 1009', async (t) => {
  await withPair(t, true, async ({ client, echo }) => {
    client.send(Buffer.alloc((1 << 20) + 1));
    t.is(await closed(client), 1_009);
    await until(() => echo.ends.length > 0, 'the end');
    t.deepEqual([echo.ends, echo.receivedBytes], [['websocket_frame_too_large'], 0]);
  });
});

test('compressed: messages that grow a thousandfold are held back by a handler that has paused', async (t) => {
  await withPair(t, true, async ({ client, echo }) => {
    const { link } = echo;
    let received = 0;
    link.handler = {
      onBytes: (_bytes, start, end) => {
        received += end - start;
        link.pause();
      },
      onDrain: () => {},
      onLinkClosed: () => {},
    };
    const count = 60;
    for (let n = 0; n < count; n++) client.send(Buffer.alloc(1 << 20));
    await until(() => received > 0, 'the first');
    // What `ws` has in hand may still come out: 16 KiB and a piece of it, at most.
    let last = -1;
    while (last !== received) {
      last = received;
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    }
    t.true(received <= 24 << 20, `${received >> 20} MiB`);
    await until(() => {
      link.resume();
      return received === count << 20;
    }, 'all of them');
  });
});

test('compressed: a handler that waits for a client that is gone is let go', async (t) => {
  await withPair(t, true, async ({ client, echo }) => {
    client.pause();
    const noise = Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(Math.random() * 256)));
    for (let n = 0; n < 400; n++) client.send(noise);
    await until(() => echo.isBusy, 'the echo to be held up');
    client.terminate();
    await until(() => echo.ends.length > 0, 'the end');
    t.deepEqual(echo.ends, ['closed']);
  });
});
