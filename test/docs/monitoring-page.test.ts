/** docs/monitoring.md against a page of a broker. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { METRICS, STATS } from '../../src/metrics/names.js';
import { withApi } from '../helpers/api.js';

const PAGE = readFileSync(new URL('../../../docs/monitoring.md', import.meta.url), 'utf8');
const FIGURE = /\b(?:shardmq|process)_[a-z0-9_]*[a-z0-9]\b/g;

/** Said of many at once: `shardmq_packets_..._total`. */
const OF_EMQ = new Set(
  [...METRICS, ...STATS].flatMap((name) => {
    const figure = `shardmq_${name.replaceAll('/', '_')}`;
    return [figure, `${figure}_total`];
  }),
);

test(
  'docs/monitoring.md names each figure of GET /metrics, and no other',
  withApi({}, async (ask, _broker, t) => {
    const { text } = await ask('GET /metrics');
    const real = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    const named = new Set(PAGE.replace(/`shardmq_[a-z_]*\.\.\.\w*`/g, '').match(FIGURE));
    t.true(named.size > 30);
    t.deepEqual(
      [...named].filter((name) => !real.has(name)),
      [],
    );
    t.deepEqual(
      [...real].filter((name) => !named.has(name) && !OF_EMQ.has(name)),
      [],
    );
  }),
);
