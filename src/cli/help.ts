/** The text of `shardmq help`. Main thread. */
import { EXIT_CODES } from './exit-codes.js';

const USAGE = `shardmq: an MQTT 3.1, 3.1.1 and 5 broker that uses every core

  shardmq [start] [--config FILE] [--set KEY=VALUE]... [--plugin FILE]... [--shards N] [--data DIR] [--log-level L]
  shardmq plugins [list | load NAME | unload NAME] [options of start]
  shardmq users [list | add NAME | passwd NAME | del NAME] [options of start]
  shardmq check-config FILE
  shardmq version
  shardmq help

  --config FILE      a YAML file, or an emq.conf of EMQ 2.3
  --set KEY=VALUE    sets one key; wins over the file and the environment; may be given often
  --plugin FILE      a module with a plugin of your own; may be given often (plugins)
  --shards N         worker threads that share the clients (node.shards)
  --data DIR         what survives a restart is kept there (node.data_dir)
  --log-level L      debug, info, warn, error, fatal or silent (log.level)

check-config says what is wrong without starting, also with the files that a start would read.
plugins shows which plugins there are, and says which start with the broker, from its next start on.
users changes who may use the API of a broker that does not run; a password is asked for, or read from standard input.
A variable such as SHARDMQ_MQTT__MAX_PACKET_SIZE sets mqtt.max_packet_size. Every key is described in
docs/configuration.md.

exit codes
`;

/** @returns the whole text, ended by a newline. */
export function helpText(): string {
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}\n`);
  return USAGE + codes.join('');
}
