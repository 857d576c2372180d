/**
 * Everything that can still be read of a damaged lmdb file. On shards and on main.
 *
 * First the latest state. What cannot be found there may be in the state before, which lmdb keeps until the next
 * commit. What is in neither is looked for in leaves that nothing points to and that are not free: those were below a
 * page that is lost. So a damaged page costs its rows; that on which all tables hang costs the last commit.
 */
import { ALL_KEYS, KeyRanges } from './key-ranges.js';
import { Damage, type PageFile, type Snapshot, type Tree } from './page-file.js';
import { chosenSnapshot, FreeList, readableSnapshots, tableOf, valueIn } from './page-reader.js';
import { findSnapshots, guessPageBytes, scanLeaves } from './page-scan.js';
import type { Layout } from './tables.js';
import { compareNumbers, type LeafNode, TreeWalk } from './tree-walk.js';

export interface Salvaged {
  /** How many rows each table had, where the file says so. */
  readonly entries: ReadonlyMap<string, number>;
  /** What was found wrong, for the log. */
  readonly reasons: readonly string[];
}

/**
 * A row was read. Its frame has not been looked at; it is valid during the call. `isOlder`: there may be a later
 * one, or it was removed meanwhile.
 */
export type OnSalvaged = (table: string, key: Buffer, value: Buffer, isOlder: boolean) => void;

export class Salvage {
  private readonly entries = new Map<string, number>();
  private readonly reasons = new Set<string>();
  /** Keys of each table that have not been found. */
  private missing = new Map<string, KeyRanges>();
  private latestWalk: TreeWalk | null = null;

  constructor(
    private readonly file: PageFile,
    private readonly layout: Layout,
    private readonly onRow: OnSalvaged,
  ) {
    for (const table of layout.tables) {
      const all = new KeyRanges();
      all.add(ALL_KEYS);
      this.missing.set(table, all);
    }
  }

  run(): Salvaged {
    const snapshots = this.snapshots();
    for (const snapshot of snapshots) {
      if (this.isComplete()) break;
      this.readSnapshot(snapshot);
    }
    const latest = snapshots[0];
    if (!this.isComplete() && latest !== undefined) this.readLost(latest);
    return { entries: this.entries, reasons: [...this.reasons].slice(0, REASONS_MAX) };
  }

  private isComplete(): boolean {
    return [...this.missing.values()].every((ranges) => ranges.isEmpty);
  }

  private snapshots(): Snapshot[] {
    const { file } = this;
    file.usePageBytes(guessPageBytes(file));
    const readable = readableSnapshots(file);
    const chosen = this.attempt(() => chosenSnapshot(file));
    const found = findSnapshots(file);
    // A meta page is lost, and it may have been the only one that knew the latest state.
    const latest = readable[0]?.transaction ?? 0;
    const later = chosen === null ? found.filter(({ transaction }) => transaction > latest) : [];
    const first = readable.filter(({ transaction }) => transaction === chosen?.transaction);
    const others = readable.filter(({ transaction }) => transaction !== chosen?.transaction);
    return [...later, ...first, ...others, ...found];
  }

  private attempt<Result>(read: () => Result): Result | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      this.reasons.add(error.message);
      return null;
    }
  }

  private readSnapshot(snapshot: Snapshot): void {
    const walk = new TreeWalk(this.file, snapshot.transaction, false);
    const isOlder = this.latestWalk !== null;
    this.latestWalk ??= walk;
    const stillMissing = new Map<string, KeyRanges>();
    const trees = this.treesOf(snapshot, walk);
    for (const [table, missing] of this.missing) {
      const tree = trees.get(table);
      if (tree === undefined) stillMissing.set(table, missing);
      else stillMissing.set(table, this.readTable(walk, table, tree, missing, isOlder));
    }
    this.missing = stillMissing;
  }

  private treesOf(snapshot: Snapshot, walk: TreeWalk): Map<string, Tree> {
    const trees = new Map<string, Tree>();
    const row = (node: LeafNode): void => {
      const table = this.attempt(() => tableOf(node));
      if (table !== null) trees.set(table.name, table.tree);
    };
    walk.walk('of tables', snapshot.tables, { lost: (_, reason) => this.reasons.add(reason), row });
    return trees;
  }

  private readTable(
    walk: TreeWalk,
    table: string,
    tree: Tree,
    missing: KeyRanges,
    isOlder: boolean,
  ): KeyRanges {
    // How many the latest state had, nobody knows from an older one.
    if (!isOlder) this.entries.set(table, tree.entries);
    const lost = new KeyRanges();
    walk.walk(table, tree, {
      lost: (range, reason) => {
        lost.add(range);
        this.reasons.add(reason);
      },
      row: (node) => {
        const key = keyIn(node);
        if (isOlder && !missing.has(key)) return;
        const value = valueIn(this.file, node);
        if (value !== null) this.onRow(table, key, value, isOlder);
      },
    });
    return lost.and(missing);
  }

  private readLost(latest: Snapshot): void {
    const { file, latestWalk } = this;
    const free = this.freePages(latest);
    if (free === null || latestWalk === null) return;
    const walk = new TreeWalk(file, latest.transaction, false);
    scanLeaves(file, (_page, root) => {
      if (latestWalk.isSeen(root) || (free[root >> 3]! & (1 << (root & 7))) !== 0) return;
      const leaf = { flags: 0, depth: 1, entries: 1, root };
      walk.walk('', leaf, { lost: () => {}, row: (node) => this.readOrphan(node) });
    });
  }

  private readOrphan(node: LeafNode): void {
    const key = keyIn(node);
    if (node.flags > 1 || [...this.missing.values()].every((missing) => !missing.has(key))) return;
    const value = valueIn(this.file, node);
    const table = value === null ? null : this.layout.tableOf({ key, value });
    // The rows of another table are all found, and this one may have been removed from it.
    if (table === null || this.missing.get(table)?.has(key) !== true) return;
    this.onRow(table, key, value!, true);
  }

  /** @returns null: the list cannot be relied on */
  private freePages(snapshot: Snapshot): Uint8Array | null {
    const walk = this.latestWalk!;
    const list = new FreeList(this.file, walk, snapshot);
    let isWhole = true;
    const visitor = {
      lost: () => {
        isWhole = false;
      },
      row: (node: LeafNode) => {
        if (this.attempt(() => list.add(node)) === null) isWhole = false;
      },
    };
    walk.walk('of free pages', snapshot.free, visitor, compareNumbers);
    return isWhole ? list.bits() : null;
  }
}

/** What is wrong is said this often. */
const REASONS_MAX = 5;

function keyIn({ page, keyAt, keyBytes }: LeafNode): Buffer {
  return page.subarray(keyAt, keyAt + keyBytes);
}
