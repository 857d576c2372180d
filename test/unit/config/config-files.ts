/** What the tests of configuration share. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ConfigResult } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/schema.js';

/** Writes a file into a directory of its own, which goes when the test ends. @returns its path. */
export function withFile(t: ExecutionContext, name: string, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'shardmq-config-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

/** @returns the configuration, or fails the test with every issue. */
export function good(t: ExecutionContext, result: ConfigResult): Config {
  if (result.ok) return result.config;
  return t.fail(result.issues.map((issue) => issue.line).join('\n')) as never;
}
