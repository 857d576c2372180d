/** Commands that ask a broker that runs: their words and options, from which parsing and help follow. Main thread. */

export interface OptionSpec {
  /** What its value is called in help; null: it has none. */
  readonly value: string | null;
  readonly about: string;
}

export interface ActionSpec {
  /** What follows the action: `ID`, `[MESSAGE]` where it may be missing, `[WORD...]` for any number at the end. */
  readonly words: readonly string[];
  readonly about: string;
  readonly options?: Readonly<Record<string, OptionSpec>>;
}

export interface CommandSpec {
  readonly about: string;
  /** The name is empty where the command has no word for it. */
  readonly actions: Readonly<Record<string, ActionSpec>>;
  /** The action that is meant where none is named. */
  readonly usual: string | null;
  /** It works without a broker as well, on the data directory that one would have. */
  readonly hasOffline?: boolean;
  readonly notes?: readonly string[];
  readonly example: string;
}

/** Every command takes them. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--json': { value: null, about: 'rows as the API has them, one JSON object per line' },
  '--url': { value: 'URL', about: 'the broker’s API (SHARDMQ_API_URL, else http://127.0.0.1:8080)' },
  '--user': { value: 'NAME', about: 'who asks (SHARDMQ_API_USER, else admin)' },
  '--password-file': {
    value: 'FILE',
    about: 'the password is its first line, instead of SHARDMQ_API_PASSWORD',
  },
  '--node': { value: 'NAME', about: 'the node that is meant, else the broker’s own' },
  '--insecure': { value: null, about: 'takes any certificate of an https:// URL' },
  '--timeout': { value: 'SECONDS', about: 'for each answer, else 10' },
};

/** Of commands that work without a broker. Those of `start` are here for what they find. */
export const OFFLINE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--offline': {
    value: null,
    about: 'on the data directory, also if a broker might run; so does each of these:',
  },
  '--data': { value: 'DIR', about: 'the data directory' },
  '--config': { value: 'FILE', about: 'the configuration that a broker would start with' },
  '--set': { value: 'KEY=VALUE', about: 'as for start' },
  '--plugin': { value: 'FILE', about: 'as for start' },
  '--shards': { value: 'N', about: 'as for start' },
  '--log-level': { value: 'L', about: 'as for start' },
};

const APP: OptionSpec = { value: 'NAME', about: 'emqttd, or the plugin whose key it is; else found out' };
const LIMIT: OptionSpec = { value: 'N', about: 'no more than the first N' };
const list = (about: string): ActionSpec => ({ words: [], about, options: { '--limit': LIMIT } });
const DURATION: OptionSpec = { value: 'SECONDS', about: 'ends after so many, 1 to 600, else 60' };
const NEW_PASSWORD: OptionSpec = {
  value: 'FILE',
  about: 'the new password is its first line',
};

export const REMOTE_COMMANDS = {
  status: {
    about: 'whether the broker runs, and how it is',
    actions: { '': { words: [], about: 'name, version, uptime, clients, memory, load' } },
    usual: '',
    notes: ['Never asks for a password: without one it says only whether the broker runs (0), or not (6).'],
    example: 'status',
  },
  clients: {
    about: 'connected clients',
    actions: {
      list: list('all of them, by ClientId'),
      show: { words: ['ID'], about: 'one of them' },
      kick: { words: ['ID'], about: 'ends its connection; its will is published' },
    },
    usual: 'list',
    example: 'clients show meter-7',
  },
  sessions: {
    about: 'sessions, also of clients that are away',
    actions: {
      list: list('all of them, by ClientId'),
      show: { words: ['ID'], about: 'one of them' },
      remove: {
        words: ['ID'],
        about: 'ends it for good, with all that waits in it; its client is disconnected',
      },
    },
    usual: 'list',
    example: 'sessions show meter-7',
  },
  subscriptions: {
    about: 'who has subscribed to what',
    actions: {
      list: list('all of them, by ClientId'),
      show: { words: ['ID'], about: 'those of one client' },
    },
    usual: 'list',
    example: 'subscriptions show meter-7',
  },
  routes: {
    about: 'topic filters, and the nodes that want them',
    actions: {
      list: list('all of them, by filter'),
      show: { words: ['FILTER'], about: 'those of exactly this filter' },
    },
    usual: 'list',
    example: "routes show 'plant/+/temperature'",
  },
  topics: {
    about: 'topic filters that somebody has subscribed to',
    actions: { '': list('all of them, one per line') },
    usual: '',
    example: 'topics',
  },
  listeners: {
    about: 'where clients may connect, and how many have',
    actions: { '': { words: [], about: 'all of them' } },
    usual: '',
    example: 'listeners',
  },
  metrics: {
    about: 'what has been counted since the start',
    actions: { '': { words: ['[NAME]'], about: 'all of them, or those whose name begins so' } },
    usual: '',
    example: 'metrics messages/',
  },
  stats: {
    about: 'how many there are now, and were at most',
    actions: { '': { words: ['[NAME]'], about: 'all of them, or those whose name begins so' } },
    usual: '',
    example: 'stats',
  },
  plugins: {
    about: 'plugins, in a broker that runs or for the next start',
    actions: {
      list: { words: [], about: 'which there are' },
      load: { words: ['NAME'], about: 'starts it, now and with the broker' },
      unload: { words: ['NAME'], about: 'stops it, and it no longer starts with the broker' },
      run: {
        words: ['NAME', '[COMMAND]', '[WORD...]'],
        about: 'has it carry out a command, or shows its commands',
        options: { '--new-password-file': NEW_PASSWORD },
      },
    },
    usual: 'list',
    hasOffline: true,
    notes: [
      'Without a broker it is about what starts with the next one.',
      'Where a command of run takes a password, it is asked for on a terminal, or is the first line of standard input.',
    ],
    example: 'plugins load emq_auth_username',
  },
  config: {
    about: 'configuration that may be changed while the broker runs',
    actions: {
      get: { words: ['[KEY]'], about: 'the value of one key, or all of them' },
      set: {
        words: ['KEY', 'VALUE'],
        about: 'changes it in all shards; kept over a restart',
        options: { '--app': APP },
      },
      reset: {
        words: ['KEY'],
        about: 'takes a change back: file, environment and command line count again',
        options: { '--app': APP },
      },
    },
    usual: 'get',
    example: 'config set mqtt.session.max_inflight 100',
  },
  users: {
    about: 'who may use the API',
    actions: {
      list: { words: [], about: 'all of them' },
      add: {
        words: ['NAME'],
        about: 'a new one; asks for the password',
        options: {
          '--tags': { value: 'TEXT', about: 'what is noted beside the name' },
          '--new-password-file': NEW_PASSWORD,
        },
      },
      passwd: {
        words: ['NAME'],
        about: 'changes a password; asks for the old one and the new one',
        options: {
          '--old-password-file': {
            value: 'FILE',
            about: 'the old password is its first line',
          },
          '--new-password-file': NEW_PASSWORD,
        },
      },
      del: { words: ['NAME'], about: 'removes one' },
    },
    usual: 'list',
    hasOffline: true,
    notes: [
      'A password is asked for on a terminal, or is the first line of standard input.',
      'Without a broker passwd needs no old password, and makes the first user where there is none.',
    ],
    example: 'users add ann --tags operator',
  },
  publish: {
    about: 'publishes a message',
    actions: {
      '': {
        words: ['TOPIC', '[MESSAGE]'],
        about: 'without MESSAGE it is read from standard input or --file, byte for byte',
        options: {
          '--qos': { value: 'N', about: '0, 1 or 2, else 0' },
          '--retain': { value: null, about: 'kept for those who subscribe later' },
          '--client-id': { value: 'ID', about: 'as if from this client, else http' },
          '--file': { value: 'FILE', about: 'the message is what it holds' },
        },
      },
    },
    usual: '',
    example: 'publish plant/1/lamp on --qos 1',
  },
  trace: {
    about: 'shows what happens, while it happens',
    actions: {
      client: {
        words: ['ID'],
        about: 'to one client, which need not be connected yet',
        options: { '--duration': DURATION },
      },
      topic: {
        words: ['FILTER'],
        about: 'to messages whose topics match',
        options: { '--duration': DURATION },
      },
    },
    usual: null,
    example: "trace topic 'plant/#' --duration 10",
  },
} as const satisfies Readonly<Record<string, CommandSpec>>;

export type RemoteName = keyof typeof REMOTE_COMMANDS;

export const isRemoteName = (name: string): name is RemoteName => Object.hasOwn(REMOTE_COMMANDS, name);

export const specOf = (name: RemoteName): CommandSpec => REMOTE_COMMANDS[name];
