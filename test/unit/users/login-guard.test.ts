/** Who guesses is slowed, and nobody else for long. */
import test from 'ava';
import { SystemClock } from '../../../src/base/clock.js';
import {
  API_LOGIN_ADDRESS_FAILURES,
  API_LOGIN_ADDRESS_PER_SECOND,
  API_LOGIN_ADDRESSES_MAX,
  API_LOGIN_FORGET_MS,
  API_LOGIN_USER_FAILURES,
} from '../../../src/limits.js';
import { LoginGuard } from '../../../src/users/login-guard.js';

const PER_FAILURE_MS = 1_000 / API_LOGIN_ADDRESS_PER_SECOND;

/** A clock that stands still but for the test. */
class TestClock extends SystemClock {
  #nowMs = 0;

  override monotonicMs(): number {
    return this.#nowMs;
  }

  override advance(ms: number): void {
    this.#nowMs += ms;
  }
}

function stage(): { guard: LoginGuard; clock: TestClock; fail: (address: string, times: number) => number } {
  const clock = new TestClock();
  const guard = new LoginGuard(clock);
  const fail = (address: string, times: number): number => {
    let taken = 0;
    for (let n = 0; n < times; n++) if (guard.begin(address, 'admin')) taken++;
    return taken;
  };
  return { guard, clock, fail };
}

test('an address may fail so many times, then once in a while', (t) => {
  const { clock, fail } = stage();
  t.is(fail('10.0.0.1', 1_000), API_LOGIN_ADDRESS_FAILURES);
  t.is(fail('10.0.0.1', 1), 0);
  clock.advance(PER_FAILURE_MS);
  t.is(fail('10.0.0.1', 5), 1);
  clock.advance(PER_FAILURE_MS * API_LOGIN_ADDRESS_FAILURES * 10);
  t.is(fail('10.0.0.1', 1_000), API_LOGIN_ADDRESS_FAILURES);
});

test('one address that guesses holds up no other', (t) => {
  const { fail } = stage();
  fail('10.0.0.1', 1_000);
  t.is(fail('10.0.0.2', API_LOGIN_ADDRESS_FAILURES), API_LOGIN_ADDRESS_FAILURES);
});

test('a login that was right makes an address as new; one nobody looked at is not counted', (t) => {
  const { guard, fail } = stage();
  fail('10.0.0.1', API_LOGIN_ADDRESS_FAILURES - 1);
  t.true(guard.begin('10.0.0.1', 'admin'));
  guard.succeeded('10.0.0.1', 'admin');
  fail('10.0.0.1', API_LOGIN_ADDRESS_FAILURES - 1);
  for (let n = 0; n < 100; n++) {
    t.true(guard.begin('10.0.0.1', 'admin'));
    guard.undecided('10.0.0.1', 'admin');
  }
  t.is(fail('10.0.0.1', 5), 1);
});

test('many addresses that guess one user get one guess each once there were too many', (t) => {
  const { fail } = stage();
  const address = (n: number): string => `10.0.${n >> 8}.${n & 255}`;
  for (let n = 0; n < API_LOGIN_USER_FAILURES; n++) t.is(fail(address(n), 1), 1);
  t.is(fail(address(0), 5), 0);
  t.is(fail(address(5_000), 5), 1);
});

test('whoever comes from an address that has not failed lately is never locked out by others', (t) => {
  const { guard, clock, fail } = stage();
  for (let n = 0; n < API_LOGIN_USER_FAILURES * 3; n++) fail(`10.1.${n >> 8}.${n & 255}`, 1);
  t.true(guard.begin('192.0.2.1', 'admin'));
  t.false(guard.begin('192.0.2.1', 'admin'));
  for (let n = 0; n < API_LOGIN_FORGET_MS / 1_000; n++) {
    clock.advance(1_000);
    fail(`10.2.${n >> 8}.${n & 255}`, 2);
  }
  t.true(guard.begin('192.0.2.1', 'admin'));
});

test('guesses of names that nobody has count for their address only', (t) => {
  const { guard, fail } = stage();
  for (let n = 0; n < 1_000; n++) guard.begin(`10.3.${n >> 8}.${n & 255}`, null);
  t.is(fail('192.0.2.1', 3), 3);
  for (let n = 0; n < 1_000; n++) guard.begin('192.0.2.2', null);
  t.is(fail('192.0.2.2', 1), 0);
});

test('what is remembered of addresses is bounded: the one that tried least lately is forgotten', (t) => {
  const { guard, fail } = stage();
  fail('192.0.2.1', API_LOGIN_ADDRESS_FAILURES);
  fail('192.0.2.2', 1);
  for (let n = 0; n < API_LOGIN_ADDRESSES_MAX - 1; n++) {
    guard.begin(`2001:db8:${(n >> 8).toString(16)}:${(n & 255).toString(16)}::1`, null);
  }
  t.is(fail('192.0.2.1', 1), 1);
});

test('all addresses of one IPv6 network of 64 bits count as one', (t) => {
  const { fail } = stage();
  t.is(fail('2001:db8::1', API_LOGIN_ADDRESS_FAILURES), API_LOGIN_ADDRESS_FAILURES);
  t.is(fail('2001:db8::ffff:0:0:2', 1), 0);
  t.is(fail('2001:db8:0:1::1', 1), 1);
});
