/** The project's style as a test: who may import whom, sizes, banned calls, dead files, pages that tell the truth. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LINES_MAX = 400;
/** Tables with a line or a paragraph for each entry: they are searched, not read. */
const TABLES = ['src/limits.ts'];
const WIDTH_MAX = 120;
/** A title or a message that no formatter breaks. */
const LONG_TEXT = /(['"`]).{50,}\1/;

interface SourceFile {
  /** From the top of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

interface Import {
  /** From the top of the project for our own files (a folder ends in a slash), otherwise the package's name. */
  readonly target: string;
  readonly isTypeOnly: boolean;
  /** A file named by `new URL`: by its place in dist/, one level deeper than its source. */
  readonly isUrl: boolean;
}

const FILES = ['src', 'workers', 'test', 'perf', 'examples'].flatMap(filesBelow).map(readSource);
const BY_PATH = new Map(FILES.map((file) => [file.path, file]));
const PRODUCT = FILES.filter(({ path }) => path.startsWith('src/') || path.startsWith('workers/'));

function filesBelow(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((path) => /\.c?ts$/.test(path));
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
  return { path, text, code, imports: importsOf(path, code) };
}

function importsOf(path: string, code: string): Import[] {
  const statements = /\b(import|export)\s+(type\s)?([^'";]*?\bfrom\s*)?'([^']+)'/g;
  const expressions = /\b(import|new URL)\(\s*'([^']+)'/g;
  const found = [...code.matchAll(statements)].map((match) => ({
    target: resolveImport(path, match[4]!),
    isTypeOnly: match[2] !== undefined,
    isUrl: false,
  }));
  for (const match of code.matchAll(expressions)) {
    found.push({ target: resolveImport(path, match[2]!), isTypeOnly: false, isUrl: match[1] !== 'import' });
  }
  // Where the name is put together at run time, any file of that folder may be meant.
  for (const match of code.matchAll(/\bnew URL\(\s*`(\.[^`$]*\/)\$\{/g)) {
    found.push({ target: `${posix.join(dirname(path), match[1]!)}`, isTypeOnly: false, isUrl: true });
  }
  return found;
}

function resolveImport(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return posix.join(dirname(path), specifier).replace(/\.(c?)js$/, '.$1ts');
}

function isOneOf(path: string, places: readonly string[]): boolean {
  return places.some((place) => (/\.c?ts$/.test(place) ? path === place : path.startsWith(place)));
}

test('src never imports workers', (t) => {
  const wrong = PRODUCT.filter(({ path }) => path.startsWith('src/')).flatMap((file) =>
    file.imports
      .filter(({ target }) => target.startsWith('workers/') && !target.endsWith('shard.worker.ts'))
      .map(({ target }) => `${file.path} imports ${target}`),
  );
  t.deepEqual(wrong, []);
});

test('workers import only what both sides share, and of configuration, access and plugins only types', (t) => {
  const typesOf = ['src/config/', 'src/plugins/api.ts', 'src/access/'];
  const shared = [
    'workers/',
    'src/base/',
    'src/protocol/',
    'src/actor/',
    'src/metrics/',
    'src/storage/',
    'src/limits.ts',
    // What main and shards look up the same way; the rest of src/access/ is about files.
    'src/access/rules.ts',
    'src/access/topic-matcher.ts',
    'src/access/ban-table.ts',
  ];
  const wrong = PRODUCT.filter(({ path }) => path.startsWith('workers/')).flatMap((file) =>
    file.imports
      .filter(({ target }) => target.startsWith('src/') || target.startsWith('test/'))
      .filter(
        ({ target, isTypeOnly }) => !isOneOf(target, shared) && !(isTypeOnly && isOneOf(target, typesOf)),
      )
      .map(({ target }) => `${file.path} imports ${target}`),
  );
  t.deepEqual(wrong, []);
});

test('a plugin’s part in the shards imports only what any plugin may: types, and what is for any thread', (t) => {
  const allowed = ['src/base/', 'src/protocol/', 'src/limits.ts'];
  const open = PRODUCT.filter(({ path }) => /^src\/plugins\/\w+\/shard\.ts$/.test(path));
  t.true(open.length > 2);
  const seen = new Set(open);
  const wrong: string[] = [];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const { path, imports } = file;
    for (const { target, isTypeOnly } of imports) {
      if (!target.startsWith('src/') || isOneOf(target, allowed) || isTypeOnly) continue;
      const found = BY_PATH.get(target);
      const isOwn = [`${dirname(path)}/`, 'src/plugins/shared/'].some((folder) => target.startsWith(folder));
      if (!isOwn || found === undefined) wrong.push(`${path} imports ${target}`);
      else if (!seen.has(found)) {
        seen.add(found);
        open.push(found);
      }
    }
  }
  t.deepEqual(wrong, []);
});

test('base, protocol and limits stand on nothing above them', (t) => {
  const below: Record<string, readonly string[]> = {
    'src/base/': ['src/base/', 'src/limits.ts'],
    'src/protocol/': ['src/protocol/', 'src/base/', 'src/limits.ts'],
    'src/storage/': ['src/storage/', 'src/protocol/', 'src/base/', 'src/limits.ts'],
    'src/access/': ['src/access/', 'src/protocol/', 'src/base/', 'src/limits.ts'],
    'src/actor/': [
      ...['src/actor/', 'src/access/', 'src/config/'],
      ...['src/protocol/', 'src/base/', 'src/limits.ts'],
    ],
    'src/config/': ['src/config/', 'src/protocol/', 'src/base/', 'src/limits.ts'],
    'src/limits.ts': [],
  };
  const wrong = Object.entries(below).flatMap(([layer, allowed]) =>
    PRODUCT.filter(({ path }) => isOneOf(path, [layer])).flatMap((file) =>
      file.imports
        .filter(({ target }) => /^(src|workers|test)\//.test(target) && !isOneOf(target, allowed))
        .map(({ target }) => `${file.path} imports ${target}`),
    ),
  );
  t.deepEqual(wrong, []);
});

test('only the actor layer, the supervisor, the hashes, the peers and the shard touch ports and Piscina', (t) => {
  const allowed = [
    'src/actor/',
    'src/supervisor/',
    'src/passwords/hash-pool.ts',
    'workers/peers/',
    'workers/shard',
  ];
  const word = /\b(postMessage|MessagePort|MessageChannel|Piscina)\b/;
  const wrong = PRODUCT.filter(({ path, code }) => !isOneOf(path, allowed) && word.test(code));
  t.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('no file only passes on what others export, except src/index.ts', (t) => {
  const barrels = FILES.filter(({ path, code }) => {
    const rest = code.replace(/export\s+(type\s)?(\*|\{[^}]*\})\s*from\s*'[^']+';?/g, '').trim();
    return rest === '' && path !== 'src/index.ts' && /\bfrom\b/.test(code);
  });
  t.deepEqual(
    barrels.map(({ path }) => path),
    [],
  );
});

test('files keep their bound', (t) => {
  const long = FILES.filter(({ path, text }) => linesOf(text).length > LINES_MAX && !TABLES.includes(path));
  t.deepEqual(
    long.map(({ path, text }) => `${path} has ${linesOf(text).length} lines`),
    [],
  );
});

test('lines keep their bound, except for long texts', (t) => {
  const wrong = FILES.flatMap(({ path, text }) =>
    linesOf(text).flatMap((line, i) =>
      line.length > WIDTH_MAX && !LONG_TEXT.test(line) ? [`${path}:${i + 1} is ${line.length} wide`] : [],
    ),
  );
  t.deepEqual(wrong, []);
});

function linesOf(text: string): string[] {
  return text.trimEnd().split('\n');
}

test('every file says first what it is for', (t) => {
  // A test's titles say it; a comment on top is for methods that are not plain.
  const spoken = FILES.filter(({ path }) => !path.endsWith('.test.ts'));
  const silent = spoken.filter(({ text }) => !/^((#!|\/\/\/ ).*\n)?\/\*\*/.test(text));
  t.deepEqual(
    silent.map(({ path }) => path),
    [],
  );
});

test('nothing unfinished, untyped or printed', (t) => {
  const anywhere = new RegExp(['TO' + 'DO', 'FIX' + 'ME', '@ts-' + 'ignore', 'biome-' + 'ignore'].join('|'));
  const inCode = new RegExp(
    [': an' + 'y\\b', 'as an' + 'y\\b', 'console\\.(log|error|warn|info|debug)\\('].join('|'),
  );
  const wrong = FILES.flatMap(({ path, text, code }) => {
    const found = anywhere.exec(text) ?? inCode.exec(code);
    return found === null ? [] : [`${path}: ${found[0]}`];
  });
  t.deepEqual(wrong, []);
});

test('only base/clock.ts reads time', (t) => {
  const wrong = PRODUCT.filter(
    ({ path, code }) =>
      path !== 'src/base/clock.ts' && /\b(Date\.now|performance\.now|new Date\(\)|hrtime)/.test(code),
  );
  t.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('every file is used: reached from a command, a test or a benchmark', (t) => {
  const commands = commandFiles();
  const dead = unreached(
    (path) =>
      isOneOf(path, [...commands, 'src/index.ts', 'workers/shard.worker.ts', 'examples/', 'perf/micro/']) ||
      path.endsWith('.test.ts'),
    FILES,
  );
  t.deepEqual(dead, []);
  const entries = [
    ...commands.filter((path) => path.startsWith('src/')),
    'src/index.ts',
    'workers/shard.worker.ts',
  ];
  const testOnly = unreached((path) => entries.includes(path), PRODUCT);
  t.deepEqual(testOnly, [], 'a product file that only tests use');
});

/** @returns the sources of what package.json starts. */
function commandFiles(): string[] {
  const page = readFileSync(join(ROOT, 'package.json'), 'utf8');
  return [...page.matchAll(/\bdist\/([\w./-]+)\.(c?)js\b/g)].map((match) => `${match[1]}.${match[2]}ts`);
}

function unreached(isEntry: (path: string) => boolean, files: readonly SourceFile[]): string[] {
  const open = FILES.filter(({ path }) => isEntry(path));
  const reached = new Set(open.map(({ path }) => path));
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const targets = new Set(file.imports.map(({ target }) => target));
    const next = FILES.filter(({ path }) => targets.has(path) || targets.has(`${dirname(path)}/`));
    for (const found of next.filter(({ path }) => !reached.has(path))) {
      reached.add(found.path);
      open.push(found);
    }
  }
  return files.map(({ path }) => path).filter((path) => !reached.has(path));
}

test('every constant in limits.ts has a user', (t) => {
  const limits = BY_PATH.get('src/limits.ts')!;
  const others = FILES.filter((file) => file !== limits && !file.path.startsWith('test/'));
  const names = [...limits.code.matchAll(/^export const (\w+)/gm)].map((match) => match[1]!);
  const unused = names.filter((name) => {
    const word = new RegExp(`\\b${name}\\b`);
    const isInLimits = limits.code.split(word).length > 2;
    return !isInLimits && !others.some((file) => word.test(file.code));
  });
  t.deepEqual(unused, []);
});

test('every path that ARCHITECTURE.md names exists', (t) => {
  const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const quoted = [...page.matchAll(/`((?:src|workers|test|perf|docs|examples)\/[\w./-]*)`/g)].map(
    (match) => match[1]!,
  );
  const named = [...quoted, ...treeOf(page)];
  t.true(named.length > 10, 'the page names paths');
  t.deepEqual(
    named.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});

/** @returns the paths of the page's tree: a block of lines indented by two, whose first words are files or folders. */
function treeOf(page: string): string[] {
  const block = /## The tree\n+```\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const paths: string[] = [];
  let folder = '';
  for (const line of block.split('\n')) {
    const names = /^\s*((?:[\w.-]+(?:\.ts|\/)\s*)+)/.exec(line)?.[1]?.trim().split(/\s+/) ?? [];
    const isFolder = names[0]?.endsWith('/') === true;
    if (!line.startsWith(' ')) folder = names[0] ?? '';
    else paths.push(...names.slice(0, isFolder ? 1 : undefined).map((name) => posix.join(folder, name)));
  }
  return paths;
}

test('nothing imports from outside of the project', (t) => {
  const wrong = FILES.filter(({ imports }) =>
    imports.some(({ target, isUrl }) => target.startsWith('..') && !isUrl),
  );
  t.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});
