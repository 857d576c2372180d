/** The page of a soak: what memory did, minute by minute. Pure. */

import { megabytes } from '../lib/format.js';
import { FLAT_RULE, trendOf } from '../lib/soak/flat.js';
import type { SoakSample } from '../lib/soak/soak.js';
import { htmlOf } from './document.js';
import { at, escaped } from './markup.js';

const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 60;
const BOTTOM = 30;

const CURVES = [
  ['heap in use, lowest of each minute', 'heapBytes', 0],
  ['memory of the process, highest of each minute', 'rssBytes', 1],
] as const;

export function soakPage(samples: readonly SoakSample[]): string {
  const last = samples.at(-1);
  if (last === undefined) return htmlOf('soak', '<h1>Nothing was measured</h1>');
  const words = CURVES.map(([name, figure]) => {
    const { riseBytes, isFlat } = trendOf(samples.map((sample) => sample[figure]));
    const verdict =
      isFlat === null ? 'too few minutes to say' : isFlat ? 'flat' : '<span class="bad">not flat</span>';
    return `<p>${escaped(name)}: ${verdict}, a rise of ${megabytes(riseBytes)} MB</p>`;
  });
  const body =
    `<h1>${samples.length} minutes of coming and going</h1>` +
    `<p class="faint">${last.lives} clients ended, ${last.messages} messages brought · ${escaped(FLAT_RULE)}</p>` +
    `<section>${chart(samples)}${words.join('')}</section>`;
  return htmlOf('soak', body);
}

function chart(samples: readonly SoakSample[]): string {
  const highest = Math.max(...samples.flatMap(({ heapBytes, rssBytes }) => [heapBytes, rssBytes])) * 1.1;
  const x = (i: number): number => LEFT + (i * (WIDTH - LEFT - 10)) / Math.max(1, samples.length - 1);
  const y = (bytes: number): number => (HEIGHT - BOTTOM) * (1 - bytes / highest) + 5;
  const curves = CURVES.map(([, figure, colour]) => {
    const points = samples.map((sample, i) => `${at(x(i))},${at(y(sample[figure]))}`);
    return `<polyline class="curve c${colour}" points="${points.join(' ')}"/>`;
  });
  const lines = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const level = share * highest * 0.9;
    return (
      `<line class="axis" x1="${LEFT}" y1="${at(y(level))}" x2="${WIDTH}" y2="${at(y(level))}"/>` +
      `<text class="label" x="${LEFT - 8}" y="${at(y(level))}" dy="0.35em">${megabytes(level)} MB</text>`
    );
  });
  const legend = CURVES.map(
    ([name, , colour]) => `<span class="key"><i class="k${colour}"></i>${escaped(name)}</span>`,
  );
  const minutes = `<text x="${WIDTH}" y="${HEIGHT - 6}" text-anchor="end">minute ${samples.at(-1)!.minute}</text>`;
  return (
    `<figure><figcaption>${legend.join(' ')}</figcaption>` +
    `<svg class="wide" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="memory by minute">` +
    `${lines.join('')}${curves.join('')}${minutes}</svg></figure>`
  );
}
