/** A revision of a project of a few lines, whose broker is this one. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { compare } from '../../perf/lib/comparison.js';
import { commonOptions } from '../../perf/lib/options.js';
import { buildRevision } from '../../perf/lib/revision.js';
import { needs } from '../helpers/needs.js';

const CLI = fileURLToPath(new URL('../../src/cli.cjs', import.meta.url));
const withGit = needs('git');

interface Project {
  readonly folder: string;
  readonly git: (...args: string[]) => string;
  /** Writes package.json with this build, and commits. */
  readonly commit: (build: string) => void;
}

async function withProject(body: (project: Project) => Promise<void>): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'shardmq-compare-')));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  try {
    git('init', '--quiet');
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, '.gitignore'), 'node_modules\n');
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    writeFileSync(join(folder, 'cli.cjs'), `require(${JSON.stringify(CLI)});\n`);
    const commit = (build: string): void => {
      const content = { name: 'shardmq', bin: { shardmq: 'cli.cjs' }, scripts: { build } };
      writeFileSync(join(folder, 'package.json'), JSON.stringify(content));
      git('add', '.');
      git('commit', '--quiet', '-m', 'a state');
    };
    await body({ folder, git, commit });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Nothing of a revision is left, in git or on the disk. */
function isClean(t: ExecutionContext, { git }: Project): void {
  t.is(git('worktree', 'list').trim().split('\n').length, 1);
}

withGit(
  'a revision is built in a worktree of its own, with the packages that are there, and removed',
  async (t) => {
    await withProject(async (project) => {
      project.commit('node -e "fs.writeFileSync(\'built\', process.cwd())"');
      const built = await buildRevision(project.folder, 'HEAD', () => undefined);
      t.is(project.git('rev-parse', '--short', 'HEAD').trim(), built.name);
      t.true(existsSync(join(built.root, 'built')));
      t.is(realpathSync(join(built.root, 'node_modules')), join(project.folder, 'node_modules'));
      t.false(existsSync(join(project.folder, 'built')));
      built.remove();
      t.false(existsSync(built.root));
      isClean(t, project);
    });
  },
);

withGit(
  'a revision that does not build, or is none, is an error that says why, and nothing is left',
  async (t) => {
    await withProject(async (project) => {
      project.commit('echo no such luck >&2; exit 3');
      const build = (revision: string) => buildRevision(project.folder, revision, () => undefined);
      await t.throwsAsync(build('HEAD'), { message: /failed in \w+:\nno such luck/ });
      isClean(t, project);
      await t.throwsAsync(build('nothing'));
      isClean(t, project);
    });
  },
);

withGit('both brokers run in turn under the same load, and the raw values are kept', async (t) => {
  t.timeout(120_000);
  await withProject(async (project) => {
    project.commit('exit 0');
    const results = join(project.folder, 'node_modules/results');
    const values = { only: 'pairs', shards: '1', seconds: '0.1', rounds: '2', results };
    let output = '';
    let progress = '';
    const isGood = await compare({
      project: project.folder,
      revision: 'HEAD',
      options: commonOptions(values, 5),
      print: (text) => {
        output += text;
      },
      screen: {
        write: (text) => {
          progress += text;
        },
      },
    });
    t.true(isGood || progress.includes('nothing arrived'), progress);
    const name = project.git('rev-parse', '--short', 'HEAD').trim();
    t.regex(output, /too few runs to say/);
    const order = [...progress.matchAll(/\| (this checkout|\w+), 1 shard \| round (\d)/g)].map(
      (match) => match[1],
    );
    t.deepEqual(order, ['this checkout', name, 'this checkout', name]);
    t.deepEqual(
      readdirSync(results)
        .map((file) => file.split('.').at(-1))
        .sort(),
      ['html', 'jsonl'],
    );
    isClean(t, project);
  });
});
