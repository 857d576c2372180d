/** Compares a topic with one pattern of a rule, without making a string. Any thread. */

/** What `%c` and `%u` stand for, in UTF-8. */
export interface Placeholders {
  readonly clientId: Uint8Array;
  /** Null: the client has none, and `%u` is an ordinary level. */
  readonly username: Uint8Array | null;
}

/** @returns what stands for them in rules about this client */
export function placeholdersOf(clientId: string, username: string | null): Placeholders {
  return {
    clientId: Buffer.from(clientId, 'utf8'),
    username: username === null ? null : Buffer.from(username, 'utf8'),
  };
}

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;

const LEVEL_TEXT = 0;
const LEVEL_ANY = 1;
const LEVEL_REST = 2;
const LEVEL_CLIENT_ID = 3;
const LEVEL_USERNAME = 4;

/** A map, because a level may be `constructor` or `toString`. */
const MARKS: ReadonlyMap<string, number> = new Map([
  ['+', LEVEL_ANY],
  ['#', LEVEL_REST],
  ['%c', LEVEL_CLIENT_ID],
  ['%u', LEVEL_USERNAME],
]);

/**
 * A filter matches as subscriptions do, `#` its parent too, but wildcards also match a first level with `$`. The filter of
 * a SUBSCRIBE is compared as if it were a topic name, as EMQ does: `a/+` and `a/#` asked for are both covered by `a/+`.
 */
export class TopicMatcher {
  /** Whatever the topic. */
  readonly matchesAll: boolean;
  readonly hasPlaceholders: boolean;
  /** -1: any. Nearly all that does not match is found out by it. */
  readonly #firstByte: number;
  readonly #kinds: readonly number[];
  /** UTF-8 of each level, for those that have to be equal. */
  readonly #levels: readonly Uint8Array[];

  /** @param isLiteral wildcards and placeholders are ordinary text */
  constructor(filter: string, isLiteral: boolean) {
    const levels = filter.split('/');
    this.#kinds = levels.map((level) => (isLiteral ? LEVEL_TEXT : (MARKS.get(level) ?? LEVEL_TEXT)));
    this.#levels = levels.map((level) => Buffer.from(level, 'utf8'));
    this.#firstByte = this.#kinds[0] === LEVEL_TEXT ? (this.#levels[0]![0] ?? SLASH) : -1;
    this.matchesAll = this.#kinds[0] === LEVEL_REST;
    this.hasPlaceholders = this.#kinds.some((kind) => kind === LEVEL_CLIENT_ID || kind === LEVEL_USERNAME);
  }

  matches(bytes: Uint8Array, start: number, end: number, client: Placeholders): boolean {
    if (this.#firstByte !== -1 && bytes[start] !== this.#firstByte) return false;
    const kinds = this.#kinds;
    // Behind the last level `at` is end + 1.
    let at = start;
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]!;
      if (kind === LEVEL_REST) return true;
      if (at > end) return false;
      let levelEnd = at;
      while (levelEnd < end && bytes[levelEnd] !== SLASH) levelEnd++;
      if (kind !== LEVEL_ANY && !this.#isLevel(kind, i, bytes, at, levelEnd, client)) return false;
      at = levelEnd + 1;
    }
    return at > end;
  }

  #isLevel(
    kind: number,
    index: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    client: Placeholders,
  ): boolean {
    const text = this.#levels[index]!;
    if (kind === LEVEL_TEXT) return isEqual(text, bytes, start, end);
    // A client that calls itself `+` must not be given every client's topics.
    if (end - start === 1 && (bytes[start] === PLUS || bytes[start] === HASH)) return false;
    const own = kind === LEVEL_CLIENT_ID ? client.clientId : client.username;
    return isEqual(own ?? text, bytes, start, end);
  }
}

function isEqual(text: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== bytes[start + i]) return false;
  }
  return true;
}
