/** What the process says when it ends. Main thread; shown in `help` and in the documentation. */
export const EXIT = {
  ok: 0,
  startFailed: 1,
  usage: 2,
  configuration: 3,
  platform: 4,
  shardsCrashed: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Every exit code with its meaning, in order. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'done; also after SIGINT or SIGTERM has stopped the broker cleanly'],
  [EXIT.startFailed, 'the broker could not start, for example because a port is in use'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.configuration, 'the configuration has errors'],
  [EXIT.platform, 'this operating system or Node.js version is not supported'],
  [EXIT.shardsCrashed, 'shards crashed too often, so the broker stopped'],
  [130, 'a second SIGINT ended the broker before it had stopped cleanly'],
  [143, 'a second SIGTERM did'],
];
