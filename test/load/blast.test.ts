/**
 * The same loads with a load generator written in C, by other hands: one that shares no mistake with ours. Its source
 * is named by the environment variable MQTTBLAST, or lies beside the checkout; without it, or without a C compiler, the
 * test is skipped.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startBrokerProcess } from '../../perf/lib/broker-process.js';
import type { FlowScenario } from '../../perf/scenarios/scenario.js';
import { needs, program } from '../helpers/needs.js';
import { COMBINATIONS, SHARD_COUNTS } from './combinations.js';

const run = promisify(execFile);
const SOURCE = process.env['MQTTBLAST'] ?? resolve('../shared/tools/mqttblast.c');
const withBlast = needs(program('cc'), { name: 'MQTTBLAST', isMet: () => existsSync(SOURCE) });

/** What the generator reports and must be 0. */
const FAULTS = ['lost', 'misordered', 'dups', 'closed'] as const;

withBlast('a generator in C finds nothing lost, repeated, misordered or closed', async (t) => {
  t.timeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'shardmq-blast-'));
  try {
    const blast = join(folder, 'blast');
    await run('cc', ['-O2', '-pthread', '-o', blast, SOURCE]);
    for (const shards of SHARD_COUNTS) {
      const broker = await startBrokerProcess(shards);
      try {
        for (const scenario of COMBINATIONS) {
          const { stdout } = await run(blast, argumentsOf(scenario, broker.port, broker.pid));
          const report = JSON.parse(stdout) as Record<string, number>;
          const faults = FAULTS.filter((fault) => report[fault] !== 0);
          t.deepEqual(faults, [], `${scenario.title}, shards ${shards}: ${stdout}`);
          t.true(report['deliveries']! > 0, scenario.title);
        }
      } finally {
        await broker.stop();
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function argumentsOf(scenario: FlowScenario, port: number, pid: number): string[] {
  const isFanIn = scenario.topology === 'all' && scenario.subscribers === 1;
  const shape = scenario.topology === 'all' ? (isFanIn ? 'fanin' : 'fanout') : scenario.topology;
  const clients = ['-n', `${scenario.publishers}`, '-m', `${scenario.subscribers}`, '-t', '2'];
  const flow = [
    '-q',
    `${scenario.qos}`,
    '-w',
    `${scenario.window}`,
    '-b',
    `${scenario.burst}`,
    '-k',
    `${scenario.topics}`,
  ];
  return [
    '-s',
    shape,
    '-P',
    `${port}`,
    '-p',
    `${pid}`,
    ...clients,
    ...flow,
    '-l',
    '64',
    '-W',
    '0.05',
    '-d',
    '0.15',
  ];
}
