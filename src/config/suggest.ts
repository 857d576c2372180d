/** Finds the key that was probably meant. Main thread, only when an unknown key was found. */
import { CONFIG_KEY_CHARS_MAX } from '../limits.js';

/** @returns the known word most like `word`, or null when none is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length > CONFIG_KEY_CHARS_MAX) return null;
  const lastWord = word.slice(word.lastIndexOf('.') + 1);
  let best: string | null = null;
  let bestCost = Math.max(2, Math.floor(word.length / 4)) + 1;
  for (const candidate of known) {
    const sameEnd = candidate.endsWith(`.${lastWord}`);
    const cost = sameEnd ? Math.min(1, distance(word, candidate)) : distance(word, candidate);
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best;
}

/** Edits that turn one word into the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
