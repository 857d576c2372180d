/** The load generator notices what a broker does wrong: a benchmark that cannot fail proves nothing. */
import test from 'ava';
import { runScenario } from '../../../perf/lib/generator.js';
import type { RunResult } from '../../../perf/lib/run-result.js';
import { faultOf } from '../../../perf/lib/run-result.js';
import { TRANSPORTS, type Transport } from '../../../perf/lib/transport.js';
import type { FlowScenario } from '../../../perf/scenarios/scenario.js';
import { type Fault, FaultyBroker } from './faulty-broker.js';

const SCENARIO: FlowScenario = {
  kind: 'flow',
  name: 'test',
  title: 'one pair',
  topology: 'pairs',
  publishers: 1,
  subscribers: 1,
  qos: 0,
  payloadBytes: 64,
  burst: 5,
  window: 200,
  topics: 1,
  ratePerSecond: 5000,
};

interface Change {
  readonly transport?: Transport;
  readonly scenario?: Partial<FlowScenario>;
  readonly seconds?: number;
}

async function measure(
  fault: Fault,
  { transport = 'tcp', scenario = {}, seconds = 0.2 }: Change = {},
): Promise<RunResult> {
  const broker = new FaultyBroker(fault, transport);
  const port = await broker.start();
  try {
    return await runScenario(
      { ...SCENARIO, ...scenario },
      { port, transport, pid: process.pid, threads: 1, seconds },
    );
  } finally {
    broker.stop();
  }
}

for (const transport of TRANSPORTS) {
  test(`a broker without a fault passes over ${transport}, with figures`, async (t) => {
    // Small frames, larger ones, and some about as large as what is read at once.
    for (const payloadBytes of [64, 1_000, 60_000]) {
      const scenario = { payloadBytes, ratePerSecond: 64_000_000 / (payloadBytes + 10_000) };
      const result = await measure('none', { transport, scenario });
      t.is(faultOf(result), null, `${payloadBytes}`);
      t.true(result.operations > 0 && result.cpuUsPerOperation > 0 && result.rssBytes > 0);
    }
  });

  test(`a fault is found over ${transport} as well`, async (t) => {
    t.true((await measure('swap', { transport })).misordered > 0);
  });

  test(`newcomers over ${transport} are counted, and are none of the deliveries`, async (t) => {
    // Only whole rounds count, and how long one takes is a matter of the machine.
    for (const seconds of [1, 4, 16]) {
      const result = await measure('none', { transport, scenario: { newcomers: 3 }, seconds });
      t.is(faultOf(result), null);
      if (result.newcomersPerSecond > 0 && result.newcomersRoundMs > 0) return;
    }
    t.fail('no round within 16 s');
  });
}

test('lost messages are counted and fail the run', async (t) => {
  const result = await measure('lose');
  t.true(result.lost > 0);
  t.regex(faultOf(result) ?? '', /lost/);
});

test('repeated messages are counted and fail the run', async (t) => {
  const result = await measure('repeat');
  t.true(result.duplicates > 0);
  t.regex(faultOf(result) ?? '', /duplicates/);
});

test('messages out of order are counted and fail the run', async (t) => {
  const result = await measure('swap');
  t.true(result.misordered > 0);
  t.regex(faultOf(result) ?? '', /misordered/);
});

const AWAY = { qos: 1, isPersistent: true, isAway: true } as const;

test('receivers who are away get everything when they are back, and acknowledgements are counted', async (t) => {
  const result = await measure('none', { scenario: AWAY });
  t.is(faultOf(result), null);
  t.true(result.operations > 0 && result.broughtPerSecond > 0 && result.p99Ms > 0);
});

for (const fault of ['lose', 'repeat', 'swap'] as const) {
  test(`receivers who were away notice the fault: ${fault}`, async (t) => {
    t.not(faultOf(await measure(fault, { scenario: AWAY })), null);
  });
}

/** A replay of a hundred messages: the faulty broker distorts two of them. */
async function replay(fault: Fault): Promise<RunResult> {
  const broker = new FaultyBroker(fault);
  const port = await broker.start();
  const scenario = { kind: 'retained', name: 'test', title: 'a replay', clients: 3, messages: 100 } as const;
  try {
    const target = { port, pid: process.pid, threads: 2, seconds: 0.5, warmUpMs: 50 };
    return await runScenario({ ...scenario, payloadBytes: 64 }, target);
  } finally {
    broker.stop();
  }
}

test('retained messages that come once in every round pass', async (t) => {
  const result = await replay('none');
  t.is(faultOf(result), null);
  t.true(result.operations > 100);
});

test('retained messages that are missing, or come twice, fail the run', async (t) => {
  t.true((await replay('lose')).lost > 0);
  t.true((await replay('repeat')).duplicates > 0);
});
