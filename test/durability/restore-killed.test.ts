/** A restore that is killed before each change that it makes: with the next start all of it is there, or nothing. */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { backup } from '../../src/index.js';
import { holdDataDir } from '../../src/supervisor/data-hold.js';
import { CliProcess } from '../cli/run-cli.js';
import { storedText } from '../helpers/documents.js';
import { RecordingLogger, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

const AT_ONCE = 4;

/** Ends the process before it removes or renames something for the n-th time. */
function killer(step: number): string {
  const code = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    let left = ${step};
    for (const name of ['renameSync', 'rmSync']) {
      const really = fs[name];
      fs[name] = (...args) => {
        if (--left === 0) process.kill(process.pid, 'SIGKILL');
        return really(...args);
      };
    }
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** A data directory that differs from others in all of its parts. */
async function dataDirectory(name: string, shards: number): Promise<string> {
  const directory = tempDirectory();
  const broker = await startTestBroker({ config: { 'node.shards': shards } }, directory);
  await broker.bans.add({ kind: 'clientid', value: name });
  await broker.stop();
  return directory;
}

/** What tells one from the other. */
async function stateOf(directory: string): Promise<string> {
  const stores = readdirSync(directory).filter((name) => /^(shard|main|restore)/.test(name));
  const lines = stores.map((name) => `${name}: ${readdirSync(join(directory, name)).sort()}`);
  const bans = await storedText(directory, 'bans');
  return [readFileSync(join(directory, 'node.json'), 'utf8'), bans, ...lines.sort()].join('\n');
}

test('a restore that is killed at any step has not happened, or is finished by the next start', async (t) => {
  t.timeout(120_000);
  const used = await dataDirectory('used', 3);
  const made = await dataDirectory('made', 2);
  const copy = join(tempDirectory(), 'backup');
  await backup(made, copy);
  const [before, after] = [await stateOf(used), await stateOf(made)];
  const outcomes = { before: 0, after: 0 };
  /** @returns whether it was killed */
  const killed = async (step: number): Promise<boolean> => {
    const directory = join(tempDirectory(), 'data');
    cpSync(used, directory, { recursive: true });
    const args = ['restore', copy, '--data', directory, '--force'];
    const { code } = await new CliProcess(args, {}, ['--import', killer(step)]).ended();
    await (await holdDataDir(directory, new RecordingLogger())).release();
    const state = await stateOf(directory);
    const isAfter = state === after;
    t.true(isAfter || state === before, `step ${step}: ${state}`);
    outcomes[isAfter ? 'after' : 'before']++;
    if (code === 0) t.true(isAfter);
    return code !== 0;
  };
  for (let step = 1, goesOn = true; goesOn; step += AT_ONCE) {
    const steps = Array.from({ length: AT_ONCE }, (_, i) => killed(step + i));
    goesOn = (await Promise.all(steps)).every(Boolean);
  }
  t.log(outcomes);
  t.true(outcomes.before > 4 && outcomes.after > 4);
});
