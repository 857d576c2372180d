/** Time that passes only when a test says so, however busy the machine is. */
import { SystemClock } from '../../src/base/clock.js';

/** From now on the clock stands, at this wall time if one is given, and goes on when it is turned. */
export function holdClock(clock: SystemClock, wallMs = clock.wallMs()): void {
  const monotonicMs = clock.monotonicMs();
  let turnedMs = 0;
  clock.monotonicMs = () => monotonicMs + turnedMs;
  clock.wallMs = () => wallMs + turnedMs;
  clock.advance = (ms) => {
    turnedMs += ms;
  };
}

export function heldClock(): SystemClock {
  const clock = new SystemClock();
  holdClock(clock);
  return clock;
}
