/** The pages that are left behind, in a real browser. */
import test from 'ava';
import { type Browser, chromium } from 'playwright-core';
import { page as pageOf } from '../../perf/page/page.js';
import { soakPage } from '../../perf/page/soak-page.js';
import { CHROMIUM, chromiumPath, needs } from '../helpers/needs.js';
import { LINES } from '../unit/perf/records.js';

const inBrowser = needs(CHROMIUM);
let browser: Browser;

test.before(async () => {
  if (CHROMIUM.isMet())
    browser = await chromium.launch({
      executablePath: chromiumPath()!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
});
test.after.always(async () => {
  await browser?.close();
});

interface Seen {
  readonly text: string;
  readonly charts: number;
  /** Widths of the bars of the first chart. */
  readonly bars: readonly number[];
  readonly ink: string;
  readonly complaints: readonly string[];
}

async function look(html: string, colorScheme: 'light' | 'dark'): Promise<Seen> {
  const view = await browser.newPage({ colorScheme, viewport: { width: 400, height: 800 } });
  const complaints: string[] = [];
  view.on('console', (message) => complaints.push(message.text()));
  view.on('pageerror', (error) => complaints.push(error.message));
  view.on('request', (request) => complaints.push(`asks for ${request.url()}`));
  try {
    await view.setContent(html);
    const wide = await view.evaluate('document.documentElement.scrollWidth');
    if (Number(wide) > 400) complaints.push(`${wide} wide`);
    return {
      text: (await view.textContent('body')) ?? '',
      charts: await view.locator('svg').count(),
      bars: (await view.evaluate(
        `[...document.querySelector('svg').querySelectorAll('rect')].map((bar) => bar.getBoundingClientRect().width)`,
      )) as number[],
      ink: (await view.evaluate('getComputedStyle(document.body).color')) as string,
      complaints,
    };
  } finally {
    await view.close();
  }
}

inBrowser(
  'the page shows every scenario with bars as long as its medians, and needs nothing else',
  async (t) => {
    const { text, charts, bars, complaints } = await look(pageOf(LINES), 'light');
    t.deepEqual(complaints, []);
    t.is(charts, 6, 'three for each of two scenarios');
    const [one, two, peer] = bars;
    t.true(Math.abs(two! / one! - 2) < 0.05 && Math.abs(one! / peer! - 3) < 0.1, bars.join());
    for (const words of [
      'pairs & more',
      'some <CPU>',
      'shardmq, 2 shards',
      '6.00x',
      'cannot',
      'generator-bound',
    ]) {
      t.true(text.includes(words), words);
    }
  },
);

inBrowser('it is legible in the dark', async (t) => {
  const [light, dark] = [await look(pageOf(LINES), 'light'), await look(pageOf(LINES), 'dark')];
  t.not(light.ink, dark.ink);
});

inBrowser('the page of a soak shows two curves and says whether they are flat', async (t) => {
  const samples = Array.from({ length: 12 }, (_, i) => ({
    ...{ minute: i + 1, heapBytes: 50 * 2 ** 20, rssBytes: (200 + 10 * i) * 2 ** 20 },
    ...{ lives: i, messages: i, sessions: 1, retained: 1 },
  }));
  const { text, charts, complaints } = await look(soakPage(samples), 'light');
  t.deepEqual(complaints, []);
  t.is(charts, 1);
  t.regex(text, /lowest of each minute: flat/);
  t.regex(text, /highest of each minute: not flat/);
});
