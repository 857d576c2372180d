/**
 * `npm run perf:compare -- REV`: this checkout's broker and a revision's, each in fresh processes, in turn, under one
 * and the same load. Says of every scenario whether the difference is more than chance.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/errors.js';
import { ROOT } from './lib/broker-process.js';
import { compare } from './lib/comparison.js';
import { endOnSignals } from './lib/interrupt.js';
import { COMMON_OPTIONS, type CommonOptions, commonOptions } from './lib/options.js';
import { RUNS_MIN } from './lib/verdict.js';

const ROUNDS = 5;

const COMPARE_USAGE = `npm run perf:compare -- REV [options]
  REV        what this checkout is compared with: a commit, a branch, a tag
  --rounds N runs of each, at least ${RUNS_MIN} to say anything (default ${ROUNDS})
  and of npm run perf: --only --shards --seconds --qos --threads --transport --owner --level --key --results --json
`;

const print = (text: string): void => void process.stdout.write(text);

function optionsGiven(): { readonly revision: string; readonly options: CommonOptions } | null {
  try {
    const args = process.argv.slice(2);
    const { values, positionals } = parseArgs({ args, options: COMMON_OPTIONS, allowPositionals: true });
    const [revision, ...others] = positionals;
    if (revision === undefined || others.length > 0) throw new Error('one revision is expected');
    return { revision, options: commonOptions(values, ROUNDS) };
  } catch (error) {
    print(`${messageOf(error)}\n\n${COMPARE_USAGE}`);
    return null;
  }
}

const given = optionsGiven();
if (given === null) {
  process.exitCode = 2;
} else {
  endOnSignals();
  try {
    if (!(await compare({ project: ROOT, ...given, print, screen: process.stderr }))) process.exitCode = 1;
  } catch (error) {
    print(`${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}
