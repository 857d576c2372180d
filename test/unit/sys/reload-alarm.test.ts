import test from 'ava';
import type { Alarm } from '../../../src/actor/shard-protocol.js';
import { SystemClock } from '../../../src/base/clock.js';
import { ReloadAlarm } from '../../../src/sys/reload-alarm.js';

test('an alarm of reloads is raised by the first failure, and cleared by the next success only', (t) => {
  const said: (Alarm | string)[] = [];
  const alarm = new ReloadAlarm('id', 'title', new SystemClock(), {
    alarmRaised: (raised) => void said.push(raised),
    alarmCleared: (id) => void said.push(id),
  });
  alarm.succeeded();
  t.deepEqual(said, []);
  alarm.failed('line 1');
  alarm.failed('line 2');
  t.is(said.length, 1);
  t.like(said[0], { id: 'id', severity: 'error', title: 'title', summary: 'line 1' });
  alarm.succeeded();
  alarm.succeeded();
  t.deepEqual(said.slice(1), ['id']);
});
