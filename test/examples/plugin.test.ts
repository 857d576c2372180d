import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { connectAsync } from 'mqtt';
import { addressOf, withBroker } from '../helpers/with-broker.js';

const PLUGIN = fileURLToPath(new URL('../../examples/plugin/plugin.js', import.meta.url));

test(
  'the example of a plugin counts who comes, and keeps out whom it is told to',
  withBroker({ plugins: [PLUGIN], config: { doorbell: { unwelcome: ['mallory'] } } }, async (broker, t) => {
    const { host, port } = addressOf(broker);
    const url = `mqtt://${host}:${port}`;
    const options = { protocolVersion: 5, reconnectPeriod: 0 } as const;
    await t.throwsAsync(connectAsync(url, { ...options, clientId: 'mallory' }), {
      message: /Not authorized/,
    });
    const client = await connectAsync(url, { ...options, clientId: 'alice' });
    const counts: string[] = [];
    const second = new Promise<void>((resolve) => {
      client.on('message', (_topic, payload) => {
        counts.push(payload.toString());
        if (counts.at(-1) === '2') resolve();
      });
    });
    await client.subscribeAsync('doorbell/count', { qos: 1 });
    const other = await connectAsync(url, { ...options, clientId: 'bob' });
    await second;
    t.deepEqual(counts, [...new Set(counts)]);
    await Promise.all([client.endAsync(), other.endAsync()]);
  }),
);

test('docs/plugins.md shows the example as it is', (t) => {
  const page = read('docs/plugins.md');
  for (const file of ['examples/plugin/plugin.ts', 'examples/plugin/shard.ts']) {
    const code = read(file).replace(/^\/\*\*[\s\S]*?\*\/\n/, '');
    t.true(page.includes(code.trim()), file);
  }
});

function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}
