/** The texts of `shardmq help`. Main thread. */
import type { HelpTopic } from './arguments.js';
import { EXIT_CODES } from './exit-codes.js';
import {
  COMMON_OPTIONS,
  type CommandSpec,
  isRemoteName,
  OFFLINE_OPTIONS,
  type OptionSpec,
  REMOTE_COMMANDS,
  type RemoteName,
  specOf,
} from './remote/command-table.js';

const START = `  shardmq [start] [--config FILE] [--set KEY=VALUE]... [--plugin FILE]... [--shards N] [--data DIR]
                  [--log-level L]

  --config FILE      a YAML file, or an emq.conf of EMQ 2.3
  --set KEY=VALUE    sets one key; wins over the file and the environment; may be given often
  --plugin FILE      a module with a plugin of your own; may be given often
  --shards N         worker threads that share the clients (node.shards)
  --data DIR         what survives a restart is kept there (node.data_dir)
  --log-level L      debug, info, warn, error, fatal or silent (log.level)

A variable such as SHARDMQ_MQTT__MAX_PACKET_SIZE sets mqtt.max_packet_size. Every key is described in
docs/configuration.md.
`;

const LOCAL: Readonly<Record<Exclude<HelpTopic, RemoteName>, string>> = {
  start: `shardmq start: runs a broker until SIGINT or SIGTERM; SIGHUP has it read its files again\n\n${START}`,
  'check-config': `shardmq check-config: says what is wrong without starting,
also with the files that a start would read

  shardmq check-config FILE
`,
  backup: `shardmq backup: copies the data directory, also while a broker runs on it: everything that was acknowledged
before is in the copy, and a broker can start on it

  shardmq backup DIR [--data DATA]

  DIR                where it is written; must not be there, or be empty
  --data DATA        the data directory (node.data_dir); --config and --set as for start

It grows in DIR.partial, which an interrupted backup leaves behind and the next one replaces.
`,
  restore: `shardmq restore: puts a backup into a data directory on which no broker runs

  shardmq restore DIR [--data DATA] [--force]

  DIR                a backup
  --data DATA        the data directory (node.data_dir); --config and --set as for start
  --force            replaces what is kept there already

All of it is copied and looked through before anything is replaced.
`,
  version: 'shardmq version: says which version this is\n',
  help: 'shardmq help: says which commands there are, and with a COMMAND what it does\n\n  shardmq help [COMMAND]\n',
};

/** @returns the whole text, ended by a newline; of all commands, or of one */
export function helpText(topic: HelpTopic | null): string {
  if (topic === null) return overview();
  return isRemoteName(topic) ? remoteHelp(topic, specOf(topic)) : LOCAL[topic];
}

function overview(): string {
  const names = Object.keys(REMOTE_COMMANDS) as RemoteName[];
  const commands = names.map((name) => entry(name, specOf(name).about, 16));
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}\n`);
  return [
    `shardmq: an MQTT 3.1, 3.1.1 and 5 broker that uses every core

to run one

${START}
  shardmq check-config FILE    what is wrong with it, without starting
  shardmq backup DIR           a copy of the data directory, also while a broker runs
  shardmq restore DIR          puts such a copy into a data directory
  shardmq version
  shardmq help [COMMAND]

to ask one that runs, over its REST API; shardmq help COMMAND says what each takes

`,
    ...commands,
    '\noptions of these\n\n',
    optionLines(COMMON_OPTIONS),
    '\nexit codes\n',
    ...codes,
  ].join('');
}

function remoteHelp(name: RemoteName, spec: CommandSpec): string {
  const usages = Object.entries(spec.actions).map(([action, { words, about }]) => {
    const word = action === spec.usual && action !== '' ? `[${action}]` : action;
    return { usage: ['shardmq', name, word, ...words].filter((part) => part !== '').join(' '), about };
  });
  const width = Math.max(...usages.map(({ usage }) => usage.length)) + 2;
  const own: Record<string, OptionSpec> = Object.assign(
    {},
    ...Object.values(spec.actions).map(({ options }) => options ?? {}),
  );
  const notes = spec.notes === undefined ? '' : `\n${spec.notes.join('\n')}\n`;
  return [
    `shardmq ${name}: ${spec.about}\n\n`,
    ...usages.map(({ usage, about }) => entry(usage, about, width)),
    `\nfor example  shardmq ${spec.example}\n`,
    notes,
    spec.hasOffline === true ? `\nwithout a broker\n\n${optionLines(OFFLINE_OPTIONS)}` : '',
    Object.keys(own).length === 0 ? '' : `\noptions of ${name}\n\n${optionLines(own)}`,
    `\noptions of all such commands\n\n${optionLines(COMMON_OPTIONS)}`,
  ].join('');
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): string {
  const lines = Object.entries(options).map(([name, { value, about }]) =>
    entry(value === null ? name : `${name} ${value}`, about, 27),
  );
  return lines.join('');
}

const entry = (what: string, about: string, width: number): string => `  ${what.padEnd(width)} ${about}\n`;
