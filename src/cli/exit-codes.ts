/** What the process says when it ends. Main thread; shown in `help` and in the documentation. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  platform: 4,
  shardsCrashed: 5,
  unreachable: 6,
  login: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Every exit code with its meaning, in order. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'done; also after SIGINT or SIGTERM has stopped the broker cleanly'],
  [
    EXIT.failed,
    'the broker could not start, for example because a port is in use, or would not do what was asked',
  ],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.configuration, 'the configuration has errors'],
  [EXIT.platform, 'this operating system or Node.js version is not supported'],
  [EXIT.shardsCrashed, 'shards crashed too often, so the broker stopped'],
  [EXIT.unreachable, 'no broker has answered, or not in time'],
  [EXIT.login, 'wrong user name or password, or none'],
  [EXIT.interrupted, 'a second SIGINT ended the broker before it had stopped cleanly'],
  [143, 'a second SIGTERM did'],
];
