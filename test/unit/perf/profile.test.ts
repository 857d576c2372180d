import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { profileSummary } from '../../../perf/lib/profile.js';

interface Spent {
  readonly name: string;
  readonly url: string;
  readonly ms: number;
}

function profile(all: readonly Spent[]): string {
  const nodes = all.map(({ name, url }, id) => ({
    id,
    callFrame: { functionName: name, url, lineNumber: 41 },
  }));
  return JSON.stringify({
    nodes,
    samples: all.map((_, id) => id),
    timeDeltas: all.map(({ ms }) => ms * 1000),
  });
}

test('of the shards’ threads the functions with the most time of their own are shown, by scenario, pauses left out', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shardmq-profile-'));
  try {
    mkdirSync(join(folder, 'pairs'));
    const deliver = { name: 'deliver', url: 'file:///any/where/dist/workers/publish/delivery.js' };
    const idle = { name: '(idle)', url: '', ms: 900 };
    const pause = { name: 'holdThread', url: '/dist/src/base/hold-thread.js', ms: 900 };
    writeFileSync(
      join(folder, 'pairs/1.cpuprofile'),
      profile([{ ...deliver, ms: 60 }, { name: '', url: 'node:net', ms: 10 }, idle]),
    );
    writeFileSync(join(folder, 'pairs/2.cpuprofile'), profile([{ ...deliver, ms: 30 }, idle, pause]));
    writeFileSync(
      join(folder, 'pairs/0.cpuprofile'),
      profile([{ name: 'accept', url: '/dist/src/a.js', ms: 500 }]),
    );
    t.is(
      profileSummary(folder),
      [
        'pairs',
        '   90.0 %  deliver workers/publish/delivery.js:42',
        '   10.0 %  (anonymous) node:net:42',
        '  of 100 ms in the shards; 500 ms in other threads, starting included',
        '',
      ].join('\n'),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
