import test from 'ava';
import type { Alarm, PublishRequest, ShardFigures } from '../../../src/actor/shard-protocol.js';
import { METRICS, STATS } from '../../../src/metrics/names.js';
import { MetricsRegistry } from '../../../src/metrics/registry.js';
import { asShardId } from '../../../src/protocol/ids.js';
import { Alarms } from '../../../src/sys/alarms.js';
import { Monitor } from '../../../src/sys/monitor.js';
import { SysPublisher } from '../../../src/sys/sys-publisher.js';
import { dateTimeText, uptimeText } from '../../../src/sys/time-text.js';
import { RecordingLogger } from '../../helpers/with-broker.js';

class HandClock {
  nowMs = 5_000;
  monotonicMs(): number {
    return this.nowMs;
  }
  wallMs(): number {
    return 1_700_000_000_900;
  }
}

function publisher(intervalMs: number) {
  const clock = new HandClock();
  const published: PublishRequest[] = [];
  const options = { node: 'n@h', version: '1.2.3', intervalMs };
  const sys = new SysPublisher(options, new MetricsRegistry(1), clock, (message) => published.push(message));
  const take = (): string[] =>
    published
      .splice(0)
      .map(({ topic, payload, retain }) => `${retain ? 'retained ' : ''}${topic} = ${Buffer.from(payload)}`);
  const at = (ms: number): string[] => {
    clock.nowMs = 5_000 + ms;
    sys.sweep(clock.nowMs);
    return take();
  };
  return { at };
}

test('uptime is always plural and has no zero parts in front', (t) => {
  t.is(uptimeText(45_999), '45 seconds');
  t.is(uptimeText(212_000), '3 minutes, 32 seconds');
  t.is(uptimeText(3_600_000), '1 hours, 0 minutes, 0 seconds');
  t.is(uptimeText(90_061_000), '1 days,1 hours, 1 minutes, 1 seconds');
});

test('dates have two digits for all but the year', (t) => {
  t.is(dateTimeText(new Date(2026, 0, 2, 3, 4, 5).getTime()), '2026-01-02 03:04:05');
});

test('uptime and datetime come every second, the rest for the first time after one interval', (t) => {
  const { at } = publisher(10_000);
  t.deepEqual(at(900), []);
  const [uptime, datetime] = at(1_000);
  t.is(uptime, '$SYS/brokers/n@h/uptime = 1 seconds');
  t.regex(datetime ?? '', /^\$SYS\/brokers\/n@h\/datetime = \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  t.deepEqual(at(1_999), []);
  t.is(at(9_900).length, 2, 'seconds that were missed are not made up for');
  const all = at(10_000).slice(2);
  t.deepEqual(all.slice(0, 3), [
    'retained $SYS/brokers = n@h',
    'retained $SYS/brokers/n@h/version = 1.2.3',
    'retained $SYS/brokers/n@h/sysdescr = shardmq MQTT Broker',
  ]);
  t.deepEqual(all.slice(3), [
    ...STATS.map((name) => `$SYS/brokers/n@h/stats/${name} = 0`),
    ...METRICS.map((name) => `$SYS/brokers/n@h/metrics/${name} = 0`),
  ]);
});

test('with an interval of 0 only uptime and datetime are published', (t) => {
  const { at } = publisher(0);
  t.is(at(1_000).length, 2);
  t.is(at(3_600_000).length, 2);
});

function alarm(id: string): Alarm {
  return { id, severity: 'warning', title: 'title', summary: 'summary', raisedAt: 1_600_000_000_999 };
}

test('an alarm is published when raised and when cleared, and listed in between', (t) => {
  const said: string[] = [];
  const alarms = new Alarms(new HandClock(), (topic, payload) => said.push(`${topic} ${payload}`));
  alarms.raise(asShardId(0), alarm('queue.a/+/#'));
  alarms.raise(asShardId(0), alarm('queue.a/+/#'));
  t.deepEqual(alarms.list(), [alarm('queue.a/+/#')]);
  alarms.clear('queue.a/+/#');
  t.deepEqual(alarms.list(), []);
  t.deepEqual(said, [
    'alarms/queue.a/_/_/alert {"id":"queue.a/+/#","severity":"warning","title":"title","summary":"summary","ts":1600000000}',
    'alarms/queue.a/_/_/clear {"id":"queue.a/+/#","ts":1700000000}',
  ]);
});

test('alarms of a shard that has ended are cleared, those of others stay', (t) => {
  const said: string[] = [];
  const alarms = new Alarms(new HandClock(), (topic) => said.push(topic));
  alarms.raise(asShardId(0), alarm('a'));
  alarms.raise(asShardId(1), alarm('b'));
  alarms.shardEnded(asShardId(0));
  t.deepEqual(alarms.list(), [alarm('b')]);
  t.deepEqual(said, ['alarms/a/alert', 'alarms/b/alert', 'alarms/a/clear']);
});

test('a turn above 240 ms and a heap near its limit give a warning', (t) => {
  const said: string[] = [];
  const logger = new RecordingLogger();
  const monitor = new Monitor(100 << 20, logger, (topic, payload) => said.push(`${topic}: ${payload}`));
  const figures = { longestTurnMs: 240, heapUsedBytes: 85 << 20 } as ShardFigures;
  monitor.look(asShardId(2), figures);
  t.deepEqual(said, []);
  monitor.look(asShardId(2), { ...figures, longestTurnMs: 241, heapUsedBytes: 90 << 20 });
  t.deepEqual(said, [
    'sysmon/long_schedule: long_schedule warning: shard = 2, 241 ms',
    'sysmon/large_heap: large_heap warning: shard = 2, 90 of 100 MiB',
  ]);
  t.is(logger.lines.length, 2);
});
