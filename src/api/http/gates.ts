/**
 * Who comes in: verifies what a request says about itself, and keeps a gate for a minute for whoever was right, so that
 * a program that asks often does not pay for a hash each time. Main thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Middleware, Next } from 'koa';
import basicAuth from 'koa-basic-auth';
import { normalAddress } from '../../base/access.js';
import type { Clock } from '../../base/clock.js';
import { API_GATE_MS, API_GATES_MAX, API_SLOWED_MAX, API_SLOWED_MS } from '../../limits.js';
import type { Users } from '../broker-port.js';
import { type Credentials, readCredentials } from './credentials.js';

/** What a gate must know of the users. */
export type Doorkeeper = Pick<Users, 'verify' | 'onChanged'>;
type Verdict = Awaited<ReturnType<Doorkeeper['verify']>>;

/** Spelled as EMQ does. */
const CHALLENGE = 'Basic Realm="emqx control center"';

interface Gate {
  readonly name: string;
  /** koa-basic-auth for one name and password; it compares in constant time. */
  readonly check: Middleware;
  readonly closesAtMs: number;
}

export class Gates {
  readonly #users: Doorkeeper;
  readonly #clock: Clock;
  /**
   * By address and name, oldest first: whoever has a name has one password. A gate does not ask whether too many have
   * failed, so who guesses from elsewhere must not find it.
   */
  readonly #gates = new Map<string, Gate>();
  /** Counts changes of users: what was verified before one may be wrong after it. */
  #changes = 0;
  #slowed = 0;

  constructor(users: Doorkeeper, clock: Clock) {
    this.#users = users;
    this.#clock = clock;
    users.onChanged((name) => {
      this.#changes++;
      for (const [key, gate] of this.#gates) if (gate.name === name) this.#gates.delete(key);
    });
  }

  /** Lets a request pass whose user is known, with the name in `state.user`; answers all others with 401. */
  readonly pass = async (context: Context, next: Next): Promise<unknown> => {
    const credentials = readCredentials(context.get('Authorization'));
    if (credentials !== null && (await this.#admits(credentials, context))) {
      context.state['user'] = credentials.name;
      return next();
    }
    refuse(context);
    return undefined;
  };

  async #admits(credentials: Credentials, context: Context): Promise<boolean> {
    const address = normalAddress(context.req.socket.remoteAddress ?? '');
    const gate = this.#gates.get(keyOf(credentials.name, address));
    const isKept = gate !== undefined && this.#clock.monotonicMs() < gate.closesAtMs;
    if (isKept && opens(gate, context)) return true;
    const verdict = await this.#verify(credentials, address);
    if (verdict === 'slow_down') {
      // Users bound how often one who is slowed may compare with what is right; a gate would not.
      this.#gates.delete(keyOf(credentials.name, address));
      await this.#slow();
    }
    return verdict === 'ok';
  }

  async #verify({ name, password }: Credentials, address: string): Promise<Verdict> {
    const changes = this.#changes;
    const verdict = await this.#users.verify(name, password, address);
    if (verdict === 'ok' && changes === this.#changes) this.#keep({ name, password }, address);
    return verdict;
  }

  #keep({ name, password }: Credentials, address: string): void {
    // koa-basic-auth takes an empty one for "any".
    if (name === '' || password === '') return;
    const key = keyOf(name, address);
    this.#gates.delete(key);
    const [oldest] = this.#gates.keys();
    if (this.#gates.size >= API_GATES_MAX && oldest !== undefined) this.#gates.delete(oldest);
    const check = basicAuth({ name, pass: password });
    this.#gates.set(key, { name, check, closesAtMs: this.#clock.monotonicMs() + API_GATE_MS });
  }

  /** Whoever tries again at once waits for the answer, as long as not too many do: each holds a connection. */
  async #slow(): Promise<void> {
    if (this.#slowed >= API_SLOWED_MAX) return;
    this.#slowed++;
    await sleep(API_SLOWED_MS, undefined, { ref: false });
    this.#slowed--;
  }
}

const keyOf = (name: string, address: string): string => `${address} ${name}`;

const nothing = async (): Promise<void> => undefined;

function opens({ check }: Gate, context: Context): boolean {
  try {
    void check(context, nothing);
    return true;
  } catch {
    return false;
  }
}

/** EMQ's 401: neither body nor type. */
function refuse(context: Context): void {
  context.body = null;
  context.status = 401;
  context.set('WWW-Authenticate', CHALLENGE);
}
