/** The alarm that files could not be read again: raised by a failure, cleared by the next success. Main thread. */
import type { Alarm } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';

export interface AlarmEvents {
  alarmRaised(alarm: Alarm): void;
  alarmCleared(id: string): void;
}

export class ReloadAlarm {
  readonly #id: string;
  readonly #title: string;
  readonly #clock: Clock;
  readonly #events: AlarmEvents;
  #isRaised = false;

  constructor(id: string, title: string, clock: Clock, events: AlarmEvents) {
    this.#id = id;
    this.#title = title;
    this.#clock = clock;
    this.#events = events;
  }

  failed(summary: string): void {
    if (this.#isRaised) return;
    this.#isRaised = true;
    const raisedAt = this.#clock.wallMs();
    this.#events.alarmRaised({ id: this.#id, severity: 'error', title: this.#title, summary, raisedAt });
  }

  succeeded(): void {
    if (!this.#isRaised) return;
    this.#isRaised = false;
    this.#events.alarmCleared(this.#id);
  }
}
