/**
 * What every plugin that checks passwords must do. A provider's test calls `testAuthProvider` with how its logins are
 * made known; whatever a provider cannot hold it names with the reason.
 */
import test, { type ExecutionContext } from 'ava';
import type { AuthAnswer, ConnectAttempt, Plugin } from '../../src/plugins/api.js';
import { PluginBench } from '../helpers/plugin-bench.js';

export interface AuthProvider {
  readonly plugin: Plugin;
  /** Tells apart the runs of a provider with several ways of working. */
  readonly title?: string;
  /** Makes these logins known. @returns the values to start the plugin with, and what undoes it all */
  prepare(logins: ReadonlyMap<string, string>): Promise<PreparedLogins> | PreparedLogins;
  /** Where a client carries its name. */
  readonly nameIn: 'username' | 'clientId';
  /** Of the names and passwords in `ODD_LOGINS`, those that it cannot hold. */
  readonly cannotHold?: readonly OddLogin[];
}

export interface PreparedLogins {
  readonly values: Readonly<Record<string, string | number | boolean>>;
  release?(): Promise<void> | void;
}

const LONG = 'x'.repeat(65_535);

/** Names and passwords with characters that mean something somewhere: to MQTT, to URLs, to SQL, to C. */
const ODD_LOGINS = {
  'a percent sign': ['%u', '100%'],
  'a percent escape': ['a%20b', '%00'],
  slashes: ['/a//b/', '/'],
  wildcards: ['+/#', '#'],
  quotes: [`a'b"c`, `' OR '1'='1`],
  blanks: [' a ', ' '],
  'a colon and an equals sign': ['a:b', 'a=b&c'],
  'letters beyond ASCII': ['Jürgen 🙂', 'pässwörd'],
  'a name of 64 KiB': [LONG, 'password'],
  'a password of 64 KiB': ['long', LONG],
  'a name that is a property of every object': ['__proto__', 'constructor'],
} as const satisfies Readonly<Record<string, readonly [name: string, password: string]>>;

export type OddLogin = keyof typeof ODD_LOGINS;

const RIGHT = { name: 'alice', password: 'wonderland' } as const;

export function testAuthProvider(provider: AuthProvider): void {
  const on = (title: string, body: (stage: Stage) => Promise<void>): void => {
    const name = [provider.plugin.name, provider.title].filter((word) => word !== undefined).join(', ');
    test(`${name}: ${title}`, async (t) => {
      const stage = await Stage.open(t, provider);
      try {
        await body(stage);
      } finally {
        await stage.close();
      }
    });
  };

  on('lets in with the right password, and makes nobody a superuser', async (stage) => {
    stage.t.deepEqual(await stage.ask(RIGHT.name, RIGHT.password), { allow: true });
  });

  for (const password of [
    '',
    'wonderlan',
    'wonderland ',
    'Wonderland',
    'wonderland\0',
    '\0wonderland',
    LONG,
  ]) {
    on(`refuses the password ${JSON.stringify(password.slice(0, 20))} as wrong`, async (stage) => {
      stage.isRefused(await stage.ask(RIGHT.name, password));
    });
  }

  on('refuses a password that is no text', async (stage) => {
    stage.isRefused(await stage.ask(RIGHT.name, Buffer.from([0xff, 0xfe, 0x00])));
  });

  for (const name of [
    '',
    'bob',
    'Alice',
    'alice ',
    '%',
    '+',
    '#',
    '/',
    'alice/#',
    '*',
    'constructor',
    LONG.slice(1),
  ]) {
    on(`has no opinion about the name ${JSON.stringify(name.slice(0, 20))}`, async (stage) => {
      stage.t.is(await stage.ask(name, RIGHT.password), 'ignore');
    });
  }

  on('refuses a client without a password', async (stage) => {
    stage.isRefused(await stage.ask(RIGHT.name, null));
    stage.isRefused(await stage.ask('bob', null));
  });

  if (provider.nameIn === 'username') {
    on('refuses a client without a user name', async (stage) => {
      stage.isRefused(await stage.ask(null, RIGHT.password));
      stage.isRefused(await stage.ask(null, null));
    });
  }

  for (const [what, [name, password]] of Object.entries(ODD_LOGINS)) {
    if (provider.cannotHold?.includes(what as OddLogin) === true) continue;
    on(`holds ${what}`, async (stage) => {
      stage.t.deepEqual(await stage.ask(name, password), { allow: true });
      stage.isRefused(await stage.ask(name, `${password.slice(1)}z`));
    });
  }

  on('answers each of many clients at once with its own answer', async (stage) => {
    const { t } = stage;
    const asks = Array.from({ length: 300 }, async (_, i) => {
      const shard = i % 2;
      if (i % 3 === 0) t.deepEqual(await stage.ask(RIGHT.name, RIGHT.password, shard), { allow: true });
      else if (i % 3 === 1) stage.isRefused(await stage.ask(RIGHT.name, `wrong ${i}`, shard));
      else t.is(await stage.ask(`unknown ${i}`, RIGHT.password, shard), 'ignore');
    });
    await Promise.all(asks);
  });

  on('does not look again at a password whose buffer has been used anew', async (stage) => {
    const buffer = Buffer.from(RIGHT.password);
    const answer = stage.ask(RIGHT.name, buffer);
    buffer.fill(0);
    stage.t.deepEqual(await answer, { allow: true });
  });

  on('lets nobody in who waits when it is stopped, and leaves nobody waiting', async (stage) => {
    const asks = Array.from({ length: 20 }, () => stage.ask(RIGHT.name, 'wrong'));
    await stage.bench.stop();
    for (const answer of await Promise.all(asks)) stage.isRefused(answer);
  });

  on('can be stopped while nobody hears its answers any more', async (stage) => {
    const asks = Array.from({ length: 20 }, () => stage.ask(RIGHT.name, RIGHT.password));
    stage.bench.stopShards();
    await Promise.all(asks);
    await stage.bench.stop();
    stage.t.pass();
  });

  on('logs no password', async (stage) => {
    await stage.ask(RIGHT.name, RIGHT.password);
    await stage.ask(RIGHT.name, 'a wrong one');
    stage.t.false(stage.bench.log.some((line) => /wonderland|a wrong one/.test(line)));
  });
}

/** A running provider that knows one ordinary login and all odd ones that it can hold. */
class Stage {
  private constructor(
    readonly t: ExecutionContext,
    readonly bench: PluginBench,
    private readonly provider: AuthProvider,
    private readonly prepared: PreparedLogins,
  ) {}

  static async open(t: ExecutionContext, provider: AuthProvider): Promise<Stage> {
    const odd = Object.entries(ODD_LOGINS).filter(
      ([what]) => provider.cannotHold?.includes(what as OddLogin) !== true,
    );
    const logins = new Map<string, string>([[RIGHT.name, RIGHT.password]]);
    for (const [, [name, password]] of odd) logins.set(name, password);
    const prepared = await provider.prepare(logins);
    const bench = await PluginBench.start(provider.plugin, { values: prepared.values });
    return new Stage(t, bench, provider, prepared);
  }

  async ask(name: string | null, password: string | Uint8Array | null, shard = 0): Promise<AuthAnswer> {
    const bytes = typeof password === 'string' ? Buffer.from(password) : password;
    const attempt: Partial<ConnectAttempt> =
      this.provider.nameIn === 'username'
        ? { username: name, password: bytes }
        : { clientId: name ?? '', password: bytes };
    return await this.bench.authenticate(attempt, shard);
  }

  /** With a code that fits: bad user name or password, not authorized, server busy, or none. */
  isRefused(answer: AuthAnswer): void {
    if (answer === 'ignore' || answer.allow) {
      this.t.fail(`should be refused, and is ${JSON.stringify(answer)}`);
    } else {
      this.t.true([undefined, 0x86, 0x87, 0x88, 0x89].includes(answer.reason));
    }
  }

  async close(): Promise<void> {
    await this.bench.stop();
    await this.prepared.release?.();
  }
}
