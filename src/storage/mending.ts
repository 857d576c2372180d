/**
 * What becomes of a damaged environment before it is opened: it is put aside as `.bad`, and what can be read of it is
 * written into a new one. On a shard's thread for its own, on main for main's.
 *
 * The new one grows beside it and takes its place at the end, so that a start that is interrupted is done once more.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '../base/whole-file.js';
import { MENDING_COMMIT_BYTES, PUT_ASIDE_MAX } from '../limits.js';
import { Environment, type Write } from './environment.js';
import { ANY_VERSION, opened } from './framing.js';
import { DATA_FILE } from './open-check.js';
import { Damage, type OnBytesRead, PageFile } from './page-file.js';
import { findDamage } from './page-reader.js';
import { Salvage, type Salvaged } from './salvage.js';
import type { Layout } from './tables.js';

/** What there was in one table, and what is left of it. */
export interface MendedTable {
  readonly name: string;
  readonly kept: number;
  /** Rows that are lost; null: nobody knows how many there were. */
  readonly lost: number | null;
}

export interface Mended {
  /** Where the damaged environment lies now. */
  readonly putAside: string;
  /** Those put aside long before that had to make room. */
  readonly removed: readonly string[];
  /** The end of a sentence. */
  readonly reason: string;
  readonly details: readonly string[];
  readonly tables: readonly MendedTable[];
}

/**
 * Makes the environment in `directory` one that can be opened. It must not be open; none there is right too.
 * @returns null: nothing was wrong with it
 * @throws Error when it cannot be read or written for another reason than damage
 */
export async function mendEnvironment(
  directory: string,
  layout: Layout,
  onRead: OnBytesRead = () => {},
): Promise<Mended | null> {
  const fresh = `${directory}.new`;
  const isThere = existsSync(directory);
  // Interrupted between the two renames at the end.
  if (!isThere && existsSync(fresh)) renameSync(fresh, directory);
  const reason = findDamage(directory, onRead);
  if (reason === null) return null;
  rmSync(fresh, { recursive: true, force: true });
  const { salvaged, rescue } = await rescued(directory, fresh, layout, onRead);
  const aside = asideOf(directory);
  const putAside = asideName(directory, (aside.at(-1)?.number ?? 0) + 1);
  renameSync(directory, putAside);
  renameSync(fresh, directory);
  syncDirectory(dirname(directory));
  const removed = aside.slice(0, Math.max(0, aside.length + 1 - PUT_ASIDE_MAX)).map(({ path }) => path);
  for (const path of removed) rmSync(path, { recursive: true, force: true });
  return { putAside, removed, reason, details: salvaged.reasons, tables: rescue.report(salvaged.entries) };
}

async function rescued(
  directory: string,
  fresh: string,
  layout: Layout,
  onRead: OnBytesRead,
): Promise<{ salvaged: Salvaged; rescue: Rescue }> {
  try {
    const rescue = new Rescue(fresh, layout, onRead);
    return { salvaged: await rescue.run(join(directory, DATA_FILE)), rescue };
  } catch (error) {
    // On a full disk it would take the room that is missing.
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Environments of before that lie aside, oldest first. */
function asideOf(directory: string): { path: string; number: number }[] {
  const prefix = `${basename(directory)}.bad`;
  return readdirSync(dirname(directory))
    .flatMap((name) => {
      const found = name.startsWith(prefix)
        ? /^(?:\.([2-9]|[1-9]\d{1,8}))?$/.exec(name.slice(prefix.length))
        : null;
      return found === null ? [] : [{ path: join(dirname(directory), name), number: Number(found[1] ?? 1) }];
    })
    .sort((a, b) => a.number - b.number);
}

function asideName(directory: string, number: number): string {
  return number === 1 ? `${directory}.bad` : `${directory}.bad.${number}`;
}

/** Writes what a salvage finds into a new environment. */
class Rescue {
  private readonly environment: Environment<string>;
  private readonly kept = new Map<string, number>();
  private readonly damaged = new Map<string, number>();
  private writes: Write<string>[] = [];
  private bytes = 0;
  private uncommitted: Set<string> | null = null;

  constructor(
    directory: string,
    private readonly layout: Layout,
    private readonly onRead: OnBytesRead,
  ) {
    this.environment = new Environment(directory, layout.tables);
  }

  async run(path: string): Promise<Salvaged> {
    try {
      const salvaged = this.read(path);
      this.commit();
      return salvaged;
    } finally {
      await this.environment.close();
    }
  }

  report(entries: ReadonlyMap<string, number>): MendedTable[] {
    return this.layout.tables.map((name) => {
      const kept = this.kept.get(name) ?? 0;
      const had = entries.get(name);
      const lost = had === undefined ? null : Math.max(had - kept, this.damaged.get(name) ?? 0);
      return { name, kept, lost };
    });
  }

  private read(path: string): Salvaged {
    let file: PageFile;
    try {
      file = new PageFile(path, 1, this.onRead);
    } catch (error) {
      if (!(error instanceof Damage) && !isNoFile(error)) throw error;
      return { entries: new Map(), reasons: [] };
    }
    try {
      return new Salvage(file, this.layout, (...row) => this.take(...row)).run();
    } finally {
      file.close();
    }
  }

  private take(table: string, key: Buffer, value: Buffer, isOlder: boolean): void {
    const ownKey = Buffer.from(key);
    const { ok } = opened(ownKey, value, ANY_VERSION);
    if (!ok) {
      this.damaged.set(table, (this.damaged.get(table) ?? 0) + 1);
      return;
    }
    if (isOlder && this.isKnown(table, ownKey)) return;
    this.kept.set(table, (this.kept.get(table) ?? 0) + 1);
    this.writes.push({ table, key: ownKey, value: Buffer.from(value) });
    this.bytes += key.length + value.length;
    if (this.bytes >= MENDING_COMMIT_BYTES) this.commit();
  }

  /** To be asked about older rows only: from the first of them on it remembers what is not committed. */
  private isKnown(table: string, key: Buffer): boolean {
    if (this.uncommitted === null) {
      this.commit();
      this.uncommitted = new Set();
    }
    const name = `${table}:${key.toString('latin1')}`;
    if (this.uncommitted.has(name) || this.environment.get(table, key) !== null) return true;
    this.uncommitted.add(name);
    return false;
  }

  private commit(): void {
    this.uncommitted?.clear();
    if (this.writes.length === 0) return;
    this.environment.writeNow(this.writes);
    this.writes = [];
    this.bytes = 0;
  }
}

function isNoFile(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
