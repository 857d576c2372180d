/** Alarms that are active, and what is published when one is raised or cleared. Main thread. */
import type { Alarm } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import { ALARMS_MAX } from '../limits.js';
import type { ShardId } from '../protocol/ids.js';
import type { AlarmEvents } from './reload-alarm.js';

/** Publishes below `$SYS/brokers/NODE/`. */
export type Say = (topic: string, payload: string) => void;

interface ActiveAlarm {
  /** Null: of main itself. */
  readonly shard: ShardId | null;
  readonly alarm: Alarm;
}

export class Alarms {
  /** Those of main's own parts. */
  readonly ofMain: AlarmEvents = {
    alarmRaised: (alarm) => this.raise(null, alarm),
    alarmCleared: (id) => this.clear(id),
  };
  readonly #active = new Map<string, ActiveAlarm>();
  readonly #clock: Clock;
  readonly #say: Say;

  constructor(clock: Clock, say: Say) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Alarms that are active, oldest first. */
  list(): Alarm[] {
    return Array.from(this.#active.values(), ({ alarm }) => alarm);
  }

  /** Raising what is raised already changes nothing. */
  raise(shard: ShardId | null, alarm: Alarm): void {
    if (this.#active.has(alarm.id)) return;
    if (this.#active.size < ALARMS_MAX) this.#active.set(alarm.id, { shard, alarm });
    const { id, severity, title, summary, raisedAt } = alarm;
    const payload = JSON.stringify({ id, severity, title, summary, ts: seconds(raisedAt) });
    this.#say(`alarms/${topicLevels(id)}/alert`, payload);
  }

  clear(id: string): void {
    this.#active.delete(id);
    const payload = JSON.stringify({ id, ts: seconds(this.#clock.wallMs()) });
    this.#say(`alarms/${topicLevels(id)}/clear`, payload);
  }

  /** What an ended shard had raised, ended with its sessions. */
  shardEnded(shard: ShardId): void {
    for (const [id, active] of this.#active) if (active.shard === shard) this.clear(id);
  }
}

/** An id may hold a ClientId, and that any character; a topic name may not hold wildcards ([MQTT-3.3.2-2]). */
function topicLevels(id: string): string {
  return id.replaceAll(/[+#]/g, '_');
}

function seconds(wallMs: number): number {
  return Math.floor(wallMs / 1000);
}
