import test from 'ava';
import { emqProcess, memoryText } from '../../../src/api/emq/monitoring.js';
import { descriptorsMax } from '../../../src/figures/process-figures.js';

test('memory is written in binary units with two decimals', (t) => {
  const texts: readonly (readonly [number, string])[] = [
    [0, '0.00K'],
    [512, '0.50K'],
    [1 << 20, '1024.00K'],
    [(1 << 20) + 1, '1.00M'],
    [76_483_133, '72.94M'],
    [1 << 30, '1024.00M'],
    [1.5 * 2 ** 30, '1.50G'],
  ];
  for (const [bytes, text] of texts) t.is(memoryText(bytes), text);
});

test('the number of processes is rounded up to a power of two, as Erlang does', (t) => {
  const report = {
    ...{ memoryTotalBytes: 0, memoryUsedBytes: 0, cpuSeconds: 0, processUsed: 5, descriptorsMax: 7_168 },
    ...{ clients: 2, load: [1.654, 0, 10] as const },
  };
  const of = (processLimit: number) => emqProcess('n@h', { ...report, processLimit });
  t.like(of(256_000), { process_available: 262_144, load1: '1.65', load5: '0.00', load15: '10.00' });
  t.is(of(1_024)['process_available'], 1_024);
  t.is(of(1_025)['process_available'], 2_048);
  t.is(of(134_217_727)['process_available'], 134_217_728);
});

test('the limit of open files is the soft one', (t) => {
  const lines = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units
Max processes             62898                62898                processes
Max open files            ${soft.padEnd(21)}524288               files
`;
  t.is(descriptorsMax(lines('1024')), 1_024);
  t.is(descriptorsMax(lines('unlimited')), Number.MAX_SAFE_INTEGER);
  t.true(descriptorsMax('nothing of that kind') > 0, 'then Node is asked');
});
