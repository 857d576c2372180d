/**
 * Reads the Erlang terms that acl.conf is made of: atoms, strings, binaries, tuples and lists, each ended by a period,
 * `%` comments between. Bounded in depth; says where the first mistake is. Any thread.
 */
import { ACL_NESTING_MAX } from '../limits.js';

/** Where a term begins, both counted from 1; columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type Term = Position &
  (
    | { readonly kind: 'atom' | 'string' | 'binary'; readonly text: string }
    | { readonly kind: 'tuple' | 'list'; readonly items: readonly Term[] }
  );

/** What stands there is not what has to. */
export class TermError extends Error {
  constructor(
    readonly position: Position,
    message: string,
  ) {
    super(message);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  d: '\x7f',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  s: ' ',
  t: '\t',
  v: '\v',
};

const A_TERM = 'a term: {...}, [...], "text", <<"text">> or a word';

/** Hands out the terms of a text one after the other. */
export class TermReader {
  private at = 0;
  private line = 1;
  private lineStart = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  /** @returns null at the end. @throws TermError */
  next(): Term | null {
    this.skipBlanks();
    if (this.at >= this.text.length) return null;
    const term = this.term();
    const end = this.position;
    this.skipBlanks();
    // The line to be mended is the one where the term ends, not that of what comes next.
    this.take('.', 'a period at the end of the term', end);
    return term;
  }

  private term(): Term {
    this.skipBlanks();
    const char = this.text[this.at] ?? '';
    if (char === '{') return this.group('tuple', '}');
    if (char === '[') return this.group('list', ']');
    if (char === '"') return { ...this.position, kind: 'string', text: this.quoted('"') };
    if (char === "'") return { ...this.position, kind: 'atom', text: this.quoted("'") };
    if (char === '<') return this.binary();
    const word = /^[a-z][\w@]*/.exec(this.text.slice(this.at, this.at + ATOM_CHARS_MAX + 1))?.[0] ?? '';
    if (word === '' || word.length > ATOM_CHARS_MAX) throw this.expected(A_TERM);
    const { position } = this;
    this.at += word.length;
    return { ...position, kind: 'atom', text: word };
  }

  private group(kind: 'tuple' | 'list', close: string): Term {
    const { position } = this;
    if (++this.depth > ACL_NESTING_MAX) {
      throw new TermError(position, `terms within one another, more than ${ACL_NESTING_MAX} deep`);
    }
    this.at++;
    const items: Term[] = [];
    this.skipBlanks();
    if (this.text[this.at] !== close) items.push(this.term());
    this.skipBlanks();
    while (this.text[this.at] === ',') {
      this.at++;
      items.push(this.term());
      this.skipBlanks();
    }
    this.take(close, items.length === 0 ? `a term or ${close}` : `a comma or ${close}`);
    this.depth--;
    return { ...position, kind, items };
  }

  private binary(): Term {
    const { position } = this;
    this.take('<<', A_TERM);
    this.skipBlanks();
    if (this.text[this.at] !== '"') throw this.expected('text in double quotes');
    const text = this.quoted('"');
    if (this.text.startsWith('/utf8', this.at)) this.at += '/utf8'.length;
    this.skipBlanks();
    this.take('>>', '>>');
    return { ...position, kind: 'binary', text };
  }

  /** What stands between two such quotes. */
  private quoted(quote: string): string {
    const { position } = this;
    let text = '';
    for (this.at++; this.text[this.at] !== quote; ) {
      const char = this.text[this.at];
      if (char === undefined || char === '\n') {
        throw new TermError(position, `no closing ${quote} on the same line`);
      }
      this.at++;
      text += char === '\\' ? this.escape() : char;
    }
    this.at++;
    return text;
  }

  private escape(): string {
    const rest = this.text.slice(this.at, this.at + ESCAPE_CHARS_MAX);
    const coded = /^(?:([0-7]{1,3})|x([\da-fA-F]{2})|x\{([\da-fA-F]{1,6})\})/.exec(rest);
    if (coded !== null) {
      const [whole, octal, short, long] = coded;
      const code = octal === undefined ? Number.parseInt(short ?? long!, 16) : Number.parseInt(octal, 8);
      if (code > 0x10ffff) throw this.expected('a character: \\x{10FFFF} is the last');
      this.at += whole.length;
      return String.fromCodePoint(code);
    }
    const char = rest[0];
    if (char === undefined || char === '\n' || char === 'x' || char === '^') {
      throw this.expected('a character after \\, such as \\\\, \\" or \\x{263a}');
    }
    this.at++;
    return ESCAPES[char] ?? char;
  }

  private skipBlanks(): void {
    for (; this.at < this.text.length; this.at++) {
      const char = this.text[this.at]!;
      if (char === '\n') {
        this.line++;
        this.lineStart = this.at + 1;
      } else if (char === '%') {
        const end = this.text.indexOf('\n', this.at);
        this.at = (end < 0 ? this.text.length : end) - 1;
      } else if (char > ' ') {
        return;
      }
    }
  }

  private take(token: string, what: string, position = this.position): void {
    if (!this.text.startsWith(token, this.at)) throw this.expected(what, position);
    this.at += token.length;
  }

  private get position(): Position {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  private expected(what: string, position = this.position): TermError {
    const found = this.text.slice(this.at, this.at + FOUND_CHARS_MAX).split(/\s/, 1)[0]!;
    const instead = this.at >= this.text.length ? 'the end of the file' : JSON.stringify(found);
    return new TermError(position, `expected ${what}, found ${instead}`);
  }
}

/** Longest word; Erlang's own bound. */
const ATOM_CHARS_MAX = 255;
/** Longest escape behind its backslash: `x{10ffff}`. */
const ESCAPE_CHARS_MAX = 9;
/** How much of what is wrong is shown. */
const FOUND_CHARS_MAX = 20;
