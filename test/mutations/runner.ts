/**
 * Breaks the compiled broker on purpose, one fault at a time in a copy of dist/, and demands that the named tests
 * fail. Run by `npm run mutations [words of a name]`, not by `npm test`: it takes minutes.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyTo, MUTATIONS, type Mutation } from './mutations.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** A broken broker often answers nothing at all; then the tests' own deadlines end it. */
const RUN_TIMEOUT_MS = 90_000;
/** Brokers under test at the same time; each has two shards and a main thread. */
const COPIES = Math.max(1, Math.floor(availableParallelism() / 2));

interface Run {
  readonly failed: number;
  readonly passed: number;
  readonly output: string;
}

/** A copy of the built project in which files can be broken. */
async function makeCopy(): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), 'shardmq-mutations-'));
  await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  for (const name of ['dist', 'package.json', 'docs', 'test']) {
    await cp(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  }
  return copy;
}

/** Runs the tests of one file whose titles hold `match`. */
function runTests(copy: string, file: string, match: string): Promise<Run> {
  const ava = path.join(ROOT, 'node_modules/ava/entrypoints/cli.mjs');
  const args = [ava, '--tap', `--match=*${match}*`, `dist/test/${file}.test.js`];
  return new Promise((resolve, reject) => {
    // What a broken broker leaves behind goes with the copy.
    const env = { ...process.env, TMPDIR: copy };
    const child = spawn(process.execPath, args, {
      cwd: copy,
      env,
      timeout: RUN_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => {
      const count = (pattern: RegExp): number => output.match(pattern)?.length ?? 0;
      resolve({ failed: count(/^not ok \d+ - /gm), passed: count(/^ok \d+ - /gm), output });
    });
  });
}

/** @returns what is wrong with the mutation's tests, or null when they notice it and pass without it. */
async function judge(copy: string, mutation: Mutation): Promise<string | null> {
  const file = path.join(copy, 'dist', mutation.file);
  const healthy = await readFile(file, 'utf8');
  const before = await runTests(copy, mutation.tests, mutation.match);
  if (before.failed > 0 || before.passed === 0)
    return `its tests do not pass in the first place\n${before.output}`;
  try {
    await writeFile(file, applyTo(healthy, mutation));
    const after = await runTests(copy, mutation.tests, mutation.match);
    return after.failed > 0 ? null : `nobody noticed\n${after.output}`;
  } finally {
    await writeFile(file, healthy);
  }
}

/** Takes one mutation after the other until none is left. @returns how many nobody noticed. */
async function work(left: Mutation[]): Promise<number> {
  const copy = await makeCopy();
  let survived = 0;
  try {
    for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
      const problem = await judge(copy, mutation);
      if (problem !== null) survived += 1;
      process.stdout.write(
        problem === null ? `caught   ${mutation.name}\n` : `SURVIVED ${mutation.name}: ${problem}\n`,
      );
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  return survived;
}

async function main(words: readonly string[]): Promise<number> {
  const left = MUTATIONS.filter(({ name }) => words.every((word) => name.includes(word)));
  const count = left.length;
  const survived = await Promise.all(Array.from({ length: COPIES }, () => work(left)));
  const total = survived.reduce((sum, one) => sum + one, 0);
  process.stdout.write(`${count - total} of ${count} mutations caught\n`);
  return total;
}

process.exitCode = (await main(process.argv.slice(2))) === 0 ? 0 : 1;
