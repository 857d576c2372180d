import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { CliProcess, temporaryDir } from './run-cli.js';

test('help, and commands that only ask a broker, load nothing that a broker takes', async (t) => {
  const probe = join(temporaryDir(t), 'probe.cjs');
  writeFileSync(
    probe,
    `process.on('exit', () => {
      const loaded = Object.keys(require.cache).concat(process.moduleLoadList);
      process.stderr.write(JSON.stringify(loaded.filter((name) => /dist.src|node_modules|worker/.test(name))));
    });`,
  );
  for (const words of [['help'], ['help', 'clients'], ['clients', '--url', 'http://127.0.0.1:1']]) {
    const cli = new CliProcess(words, { SHARDMQ_API_PASSWORD: 'x' }, [
      '--require',
      pathToFileURL(probe).pathname,
    ]);
    const { stderr } = await cli.ended();
    const loaded = JSON.parse(stderr.slice(stderr.indexOf('['))) as string[];
    t.true(
      loaded.some((name) => name.endsWith('/src/cli/main.js')),
      stderr,
    );
    const heavy = loaded.filter((name) =>
      /node_modules|src.(broker|config.load|plugins|supervisor|api)\b/.test(name),
    );
    t.deepEqual(heavy, [], words.join(' '));
  }
});
