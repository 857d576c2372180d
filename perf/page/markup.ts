/** Text for HTML and SVG. Pure. */

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char]!);
}

/** @returns a coordinate, short */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
