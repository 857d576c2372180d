/** Another revision of this project, built in a folder of its own. Main thread. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whenInterrupted } from './interrupt.js';

export interface BuiltRevision {
  readonly root: string;
  /** The short name of the commit. */
  readonly name: string;
  /** Nothing is left of it. */
  remove(): void;
}

/**
 * @param project the checkout that has the revision
 * @param tell what is being done, for who waits
 * @throws Error when there is no such revision, or it cannot be built; nothing is left of it then
 */
export async function buildRevision(
  project: string,
  revision: string,
  tell: (text: string) => void,
): Promise<BuiltRevision> {
  const name = git(project, 'rev-parse', '--short', '--verify', `${revision}^{commit}`).trim();
  const folder = mkdtempSync(join(tmpdir(), 'shardmq-revision-'));
  const root = join(folder, 'tree');
  let running: { kill(): void } | null = null;
  const remove = (): void => {
    running?.kill();
    rmSync(folder, { recursive: true, force: true });
    git(project, 'worktree', 'prune');
  };
  const forget = whenInterrupted(remove);
  const run = async (command: string, ...args: string[]): Promise<void> => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    running = child;
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    const [code] = await once(child, 'close');
    running = null;
    if (code !== 0) throw new Error(`${[command, ...args].join(' ')} failed in ${name}:\n${output}`);
  };
  try {
    tell(`builds ${name}`);
    git(project, 'worktree', 'add', '--detach', root, name);
    if (hasSamePackages(project, root)) {
      symlinkSync(realpathSync(join(project, 'node_modules')), join(root, 'node_modules'));
    } else {
      await run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
    }
    await run('npm', 'run', '--silent', 'build');
  } catch (error) {
    forget();
    remove();
    throw error;
  }
  return {
    root,
    name,
    remove: () => {
      forget();
      remove();
    },
  };
}

function hasSamePackages(project: string, root: string): boolean {
  const [here, there] = [project, root].map((folder) => join(folder, 'package-lock.json'));
  if (!existsSync(there!) || !existsSync(join(project, 'node_modules'))) return false;
  return readFileSync(here!, 'utf8') === readFileSync(there!, 'utf8');
}

/** @throws Error with what git says */
function git(project: string, ...args: string[]): string {
  return execFileSync('git', ['-C', project, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
