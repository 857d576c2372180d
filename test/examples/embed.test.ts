import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const EMBED = fileURLToPath(new URL('../../examples/embed.js', import.meta.url));

test('the example starts a broker, passes a message through it, stops it and ends by itself', async (t) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [EMBED], { timeout: 60_000 });
  t.is(stdout, 'greetings/world: hello\n');
  t.is(stderr, '');
});
