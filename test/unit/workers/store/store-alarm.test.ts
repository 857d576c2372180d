/** Who is told when a shard cannot store, and when it can again. */
import test from 'ava';
import type { Alarm } from '../../../../src/actor/shard-protocol.js';
import type { Core } from '../../../../workers/core.js';
import { tellOfStore } from '../../../../workers/store/store-alarm.js';

test('failing commits and a full store raise alarms that say what to do, and clear them', (t) => {
  const alarms = new Map<string, Alarm>();
  const lines: string[] = [];
  const commits = {
    onFailing: (_isFailing: boolean, _why?: string): void => undefined,
    onFull: (_isFull: boolean): void => undefined,
  };
  const core = {
    shard: 1,
    commits,
    config: { 'mqtt.persistence.max_bytes': 1e9 },
    clock: { wallMs: () => 7 },
    main: {
      raiseAlarm: (alarm: Alarm) => alarms.set(alarm.id, alarm),
      clearAlarm: (id: string) => alarms.delete(id),
      log: (level: string) => lines.push(level),
    },
  };
  tellOfStore(core as unknown as Core);
  commits.onFailing(true, 'i/o error');
  const [alarm] = alarms.values();
  t.is(alarm?.severity, 'critical');
  t.is(alarm?.raisedAt, 7);
  t.regex(
    alarm!.summary,
    /shard-1 in node\.data_dir cannot be written \(i\/o error\): .*Make room on the disk/,
  );
  commits.onFailing(false);
  t.is(alarms.size, 0);
  t.deepEqual(lines, ['error', 'info']);
  commits.onFull(true);
  t.regex(
    [...alarms.values()][0]!.summary,
    /max_bytes \(1000000000 bytes\).*shardmq sessions remove ID.*larger limit/,
  );
  commits.onFull(false);
  t.is(alarms.size, 0);
});
