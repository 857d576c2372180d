/** A page in a real browser, over its own WebSocket. */
import test, { type ExecutionContext } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import { CHROMIUM, chromiumPath, needs } from '../helpers/needs.js';
import { until } from '../helpers/with-broker.js';
import { EDGE, TransportBench } from '../transports/bench.js';
import { type PageServer, startPageServer } from './page-server.js';

/** Nothing that would talk to anybody but the test. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const GUARDED = 'listener.ws.guarded';

const inBrowser = needs(CHROMIUM);
let browser: Browser;
let server: PageServer;
let bench: TransportBench;

test.before(async () => {
  if (!CHROMIUM.isMet()) return;
  server = await startPageServer();
  bench = await TransportBench.start({
    'mqtt.max_packet_size': '1MB',
    [GUARDED]: '127.0.0.1:0',
    [`${GUARDED}.allowed_origins`]: `http://127.0.0.1:${server.port}`,
  });
  browser = await chromium.launch({ executablePath: chromiumPath()!, args: QUIET });
});
test.after.always(async () => {
  await browser?.close();
  await bench?.stop();
  server?.close();
});

interface Visit {
  /** Of the page. */
  readonly host: string;
  readonly url: string;
  readonly clientId: string;
  readonly topic: string;
  readonly version: 4 | 5;
}

/** Opens the page in a browser window of its own, that trusts the listener's certificate. */
async function visit({ host, ...asked }: Visit, body: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  try {
    const page = await context.newPage();
    const query = new URLSearchParams({
      ...asked,
      version: `${asked.version}`,
      answers: `${asked.topic}/answers`,
    });
    await page.goto(`http://${host}:${server.port}/?${query}`);
    await body(page);
  } finally {
    await context.close();
  }
}

const listener = (name: string, type: string): string => {
  const found = bench.broker.listeners.find((each) => each.name === name && each.protocol === type);
  return `${type}://127.0.0.1:${found!.port}/mqtt`;
};

async function stateIs(page: Page, state: string): Promise<void> {
  await until(async () => (await page.textContent('#state')) === state, `the page to say ${state}`);
}

async function talk(t: ExecutionContext, type: 'ws' | 'wss', shard: number, version: 4 | 5): Promise<void> {
  const [clientId, topic] = [bench.clientId(shard), bench.topic()];
  const publisher = await bench.connect({ shard: 1 - shard });
  await publisher.subscribe([[`${topic}/answers`, 2]]);
  await visit(
    { host: '127.0.0.1', url: listener('external', type), clientId, topic, version },
    async (page) => {
      await stateIs(page, 'subscribed');
      t.true(await bench.isConnected(clientId));
      t.is(await bench.relays(), shard === EDGE ? 0 : 1);
      const payloads = ['plain', 'größer als ASCII: 水', 'x'.repeat(300_000)];
      for (const [qos, payload] of payloads.entries()) {
        await publisher.publish({ topic, payload, qos });
        await publisher.receive(payload);
      }
      t.deepEqual(await page.locator('#messages li').allTextContents(), [
        `QoS 0: ${payloads[0]}`,
        `QoS 1: ${payloads[1]}`,
        'QoS 2: 300000 characters',
      ]);
      await page.evaluate('leave()');
      await stateIs(page, 'closed');
    },
  );
  await bench.clear();
}

for (const type of ['ws', 'wss'] as const) {
  for (const [place, shard] of [
    ['the edge', EDGE],
    ['another', 1],
  ] as const) {
    const version = shard === EDGE ? 4 : 5;
    inBrowser(`a page subscribes, receives and answers over ${type}, owner on ${place} shard`, (t) =>
      talk(t, type, shard, version),
    );
  }
}

inBrowser('a page that is closed is gone for the broker', async (t) => {
  const [clientId, topic] = [bench.clientId(1), bench.topic()];
  await visit({ host: '127.0.0.1', url: listener('external', 'ws'), clientId, topic, version: 5 }, (page) =>
    stateIs(page, 'subscribed'),
  );
  await until(async () => !(await bench.isConnected(clientId)), 'the session to be alone');
  await until(() => bench.connections('ws') === 0, 'main to count nobody');
  t.pass();
});

inBrowser('a page of another origin is refused where the listener names origins', async (t) => {
  const url = listener('guarded', 'ws');
  const figures = bench.broker.listenerFigures().find(({ config }) => config.name === 'guarded')!;
  const guest = { url, topic: bench.topic(), version: 5 } as const;
  await visit({ ...guest, host: '127.0.0.1', clientId: bench.clientId(1) }, (page) =>
    stateIs(page, 'subscribed'),
  );
  await visit({ ...guest, host: 'localhost', clientId: bench.clientId(1) }, (page) =>
    stateIs(page, 'closed'),
  );
  t.is(figures.shutdownCount()['origin_refused'], 1);
});
