/** Reads YAML with nested or dotted keys, and remembers the line of each. Main thread, at start only. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { CONFIG_NESTING_MAX } from '../limits.js';
import { type ConfigIssue, type Entry, type Source, sourceIssue } from './entry.js';

/** JSON is YAML, so it is read as well. */
export function readYaml(text: string, file: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const issues = document.errors.map((error) =>
    sourceIssue(`${file}:${lines.linePos(error.pos[0]).line}`, `not YAML: ${firstLine(error.message)}`),
  );
  if (issues.length > 0) return { entries: [], issues };
  return new YamlWalk(file, lines).walk(document.contents);
}

const firstLine = (message: string): string => message.split('\n', 1)[0]!;

class YamlWalk {
  readonly #entries: Entry[] = [];
  readonly #issues: ConfigIssue[] = [];

  constructor(
    readonly file: string,
    readonly lines: LineCounter,
  ) {}

  walk(root: Node | null): Source {
    if (root !== null && !isEmpty(root)) {
      if (isMap(root)) this.#visit(root, []);
      else this.#refuse(root, 'a map of keys and values at the top');
    }
    return { entries: this.#entries, issues: this.#issues };
  }

  #visit(node: unknown, path: readonly string[]): void {
    if (path.length > CONFIG_NESTING_MAX) this.#refuse(node, 'fewer levels of nesting');
    else if (isMap(node)) this.#visitMap(node.items, path);
    else if (isSeq(node)) this.#visitList(node.items, path);
    else if (isScalar(node) && !isEmpty(node)) {
      this.#entries.push({ key: path.join('.'), value: scalarText(node), where: this.#where(node) });
    } else this.#refuse(node, `a value for ${path.join('.')}`);
  }

  #visitList(items: readonly unknown[], path: readonly string[]): void {
    for (const [index, item] of items.entries()) this.#visit(item, [...path, String(index + 1)]);
  }

  #visitMap(items: readonly { key: unknown; value: unknown }[], path: readonly string[]): void {
    for (const { key, value } of items) {
      if (!isScalar(key)) this.#refuse(key, 'a plain word as key');
      else if (value === null || isEmpty(value))
        this.#refuse(key, `a value for ${[...path, scalarText(key)].join('.')}`);
      else this.#visit(value, [...path, scalarText(key)]);
    }
  }

  #refuse(node: unknown, expected: string): void {
    this.#issues.push(sourceIssue(this.#where(node), `expected ${expected}`));
  }

  #where(node: unknown): string {
    const range = (node as { range?: readonly number[] | null } | null)?.range;
    return range == null ? this.file : `${this.file}:${this.lines.linePos(range[0]!).line}`;
  }
}

const isEmpty = (node: unknown): boolean => isScalar(node) && node.value === null;

// The text as written: YAML's own numbers would turn 1_0, 0x10 or 1e3 into values that no other source accepts.
const scalarText = (node: { value: unknown; source?: string }): string =>
  typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
