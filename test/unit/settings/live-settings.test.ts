import test from 'ava';
import { silentLogger } from '../../../src/base/log.js';
import { loadConfig } from '../../../src/config/load.js';
import { LiveSettings } from '../../../src/settings/live-settings.js';
import { MemoryDocument } from '../../helpers/documents.js';

test('a broker that stops stores no change any more: its data directory may be another one’s soon', async (t) => {
  const loaded = loadConfig({ values: {} });
  if (!loaded.ok) throw new Error('no configuration');
  const { config } = loaded;
  const document = new MemoryDocument();
  const checks: (() => void)[] = [];
  const settings = new LiveSettings({
    ...{ config, base: config, kept: [], document, logger: silentLogger, plugins: null as never },
    check: () => new Promise((resolve) => checks.push(resolve)),
    apply: () => Promise.resolve(),
  });
  const key = 'mqtt.receive_maximum';
  const underWay = settings.set(null, key, '30');
  const waiting = settings.set(null, key, '31');
  await Promise.resolve();
  settings.stop();
  checks[0]!();
  for (const outcome of [underWay, waiting, settings.reset(null, key)])
    t.like(await outcome, { why: 'failed', message: 'the broker stops: nothing is changed' });
  t.is(checks.length, 1);
  t.is(settings.config[key], config[key]);
  t.is(document.bytes, null);
});
