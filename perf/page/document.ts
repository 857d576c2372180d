/** What every page has around it. Pure. */
import { escaped } from './markup.js';
import { STYLE } from './style.js';

/** @param about what was measured, in a word or two */
export function htmlOf(about: string, body: string): string {
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>shardmq: ${escaped(about)}</title>` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>\n` +
    `<body>\n${body}\n</body></html>\n`
  );
}
