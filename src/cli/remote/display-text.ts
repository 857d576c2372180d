/** Text from clients, made fit for a terminal: nothing in it moves a cursor, and its width is known. Main thread. */

/** Controls, marks that turn the direction of writing, separators of lines. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const SHORT: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const PLAIN = /^[\x20-\x7e]*$/;
const NARROW_MARK = /[\p{Mn}\p{Me}]|[\u200b-\u200d]|\ufe0f/u;
/** East Asian scripts and emoji, about: a column that is off by one is no harm. */
const WIDE = new RegExp(
  '[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f' +
    '\\uff00-\\uff60\\uffe0-\\uffe6\\u{1f300}-\\u{1faff}\\u{20000}-\\u{3fffd}]',
  'u',
);

/** @returns the text on one line, with `\t`, `\n`, `\x1b`, `\u202e` where there are such characters */
export function displayText(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escaped);
}

function escaped(char: string): string {
  const code = char.charCodeAt(0).toString(16);
  return SHORT[char] ?? (code.length < 3 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`);
}

/** @returns JSON in which they are escaped too: a terminal may be reading */
export function displayJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** @returns columns of a terminal that it takes */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

const charWidth = (char: string): number => (NARROW_MARK.test(char) ? 0 : WIDE.test(char) ? 2 : 1);

/** @returns the text in at most so many columns, with `…` where something is missing */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const char of text) {
    used += charWidth(char);
    if (used > width) break;
    kept += char;
  }
  return `${kept}…`;
}
