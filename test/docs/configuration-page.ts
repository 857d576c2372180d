/** Writes docs/configuration.md out of the schema. Runs in tests and in `npm run docs`. */
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { listEmqKeysWithoutEffect } from '../../src/config/emq-keys.js';
import { ALL, ENCRYPTED, EVERY, WITH_ADDRESS } from '../../src/config/listener-option.js';
import {
  IDLE_OPTIONS,
  LISTENER_OPTIONS,
  SHIPPED_LISTENERS,
  SOCKET_OPTIONS,
} from '../../src/config/listener-options.js';
import type { ListenerType } from '../../src/config/listener-types.js';
import type { Option } from '../../src/config/option.js';
import { CONFIG_KEYS, OPTIONS } from '../../src/config/schema.js';
import type { ValueType } from '../../src/config/value-types.js';
import { CONFIG_UPDATE_TIMEOUT_MS, SNI_CERTIFICATES_MAX } from '../../src/limits.js';
import { BUILTIN } from '../../src/plugins/builtin.js';
import { valueTypeOf } from '../../src/plugins/options.js';

const INTRODUCTION = `# Configuration

<!-- Generated from src/config by \`npm run docs\`; a test fails when the two differ. -->

Every key has a default, so shardmq starts without any configuration. A key may be set, each place winning over those
before it,

1. by the program that calls \`startBroker({ config })\`,
2. in a file: \`--config FILE\`,
3. in the environment: \`SHARDMQ_MQTT__MAX_PACKET_SIZE=2MB\` sets \`mqtt.max_packet_size\`; two underscores stand for
   the dot, and upper or lower case does not matter,
4. by a change while the broker ran, which is kept (see below),
5. on the command line: \`--set mqtt.max_packet_size=2MB\`; \`--shards N\`, \`--data DIR\` and \`--log-level L\` are short
   for \`node.shards\`, \`node.data_dir\` and \`log.level\`.

A file is YAML with nested keys, dotted keys or both, or an \`emq.conf\` of EMQ 2.3 as it is:

\`\`\`yaml
mqtt:
  max_packet_size: 2MB
  session.max_inflight: 64
listener.tcp.internal: off
listener.tcp.external: 0.0.0.0:1883
listener.tcp.external.max_clients: 50000
\`\`\`

An unknown key and a value that does not fit stop the start; every mistake is named with its file and line. Keys of
EMQ 2.3 that mean nothing here give a warning. \`shardmq check-config FILE\` reports both without starting, and what is
wrong with the files that a start would read: certificates, access rules, bans, and what plugins keep.

The values:

| kind | form |
|---|---|
| flag | \`on\` or \`off\`, also \`true\` or \`false\` |
| duration | number and unit, several may follow each other: \`500ms\`, \`90s\`, \`1h30m\`, \`.5d\`, \`2w\`; \`0\` needs no unit |
| bytesize | bytes, or with \`KB\`, \`MB\`, \`GB\` (powers of 1,024) |
| percent | \`60%\` |
| list | items with commas between |
| integer, float, enum, string, file | as they are |

The column *counts* says what a change while the broker runs reaches: *live* everything at once, *new* connections
and sessions that begin afterwards; *start* cannot be changed then. The column EMQ holds what EMQ 2.3 ships; keys
without an entry there are shardmq's own.
`;

const CHANGES = `
## Changes while the broker runs

On the command line, or with the request behind it:

\`\`\`sh
shardmq config get mqtt.max_packet_size        # GET /api/v2/configs
shardmq config set mqtt.max_packet_size 2MB    # PUT /api/v2/configs/emqttd
shardmq config reset mqtt.max_packet_size      # DELETE /api/v2/configs/emqttd
\`\`\`

The bodies are \`{"key": "mqtt.max_packet_size", "value": "2MB"}\` and the same without \`value\`. Values are
written as in a file, but a duration always has its unit (a bare number is refused with 108; only
\`mqtt.broker.sys_interval\` takes seconds). The answer comes when the value is in force in all shards; a shard
that does not take it within ${CONFIG_UPDATE_TIMEOUT_MS / 1000} s is started anew with it. Keys that count from the
start are refused with 102, and \`GET /api/v2/configs\` leaves them out.

Unlike in EMQ, changes are kept, in \`main/\` of the data directory. They win over the program, the file and the
environment, and give way to \`--set\`; the log says at start how many there are and where. \`reset\` takes one back, and
what the file says is in force again. \`shardmq check-config FILE\` names those that win over the file. What is
damaged there, or a value that is none, stops the start. A file \`settings.json\` in the data directory takes the
place of what is kept with the next start; with \`{"formatVersion":1,"values":{}}\` in it the broker starts as if
nothing had been changed. Earlier versions kept changes in this file.

The keys of a plugin that runs are changed in the same way, with its name in the place of \`emqttd\`, or all together
with \`PUT /api/v2/nodes/NODE/plugin_configs/PLUGIN\`; it is restarted with them, and keeps them. Secrets are shown as
\`******\`; whoever sets this leaves them as they are.

What is lowered ends nothing that is there: sessions with more subscriptions, longer queues and retained messages stay
until their time comes. \`mqtt.acl_nomatch\` and \`mqtt.acl_file\` count for subscriptions that are there too: those
that are not allowed any more end.
`;

const GROUPS: readonly (readonly [title: string, prefixes: readonly string[]])[] = [
  ['Node and log', ['node.', 'log.']],
  ['Protocol', ['mqtt.']],
  [
    'Access',
    ['mqtt.allow_anonymous', 'mqtt.acl_', 'mqtt.cache_acl', 'mqtt.flapping.', 'mqtt.clientid_binding'],
  ],
  ['Connections', ['mqtt.client.']],
  ['Sessions', ['mqtt.session.']],
  ['Message queues', ['mqtt.mqueue.']],
  ['System topics', ['mqtt.broker.']],
  ['Plugins', ['mqtt.plugins.']],
  ['Users of the API', ['dashboard.']],
  ['Shards and overload', ['shard.', 'overload.', 'shutdown.']],
];

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => (text === '' ? 'empty' : `\`${text}\``);
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |\n`;

const valuesOf = ({ name, range }: ValueType<unknown>): string => (range === '' ? name : `${name}: ${range}`);

/** The longest prefix decides, so that `mqtt.session.x` is not among the keys of `mqtt.`. */
function groupOf(key: string): string {
  let title = '';
  let length = 0;
  for (const [name, prefixes] of GROUPS) {
    for (const prefix of prefixes) {
      if (key.startsWith(prefix) && prefix.length > length) [title, length] = [name, prefix.length];
    }
  }
  return title;
}

function keyRow(key: keyof typeof OPTIONS): string {
  const { type, default: value, effect, emq, about } = OPTIONS[key] as Option<unknown>;
  const shipped = emq === null ? '' : code(emq);
  return row([code(key), code(type.format(value)), valuesOf(type), effect, shipped, about]);
}

function keyTables(): string {
  let text = '';
  for (const [title] of GROUPS) {
    text += `\n## ${title}\n\n| key | default | values | counts | EMQ | meaning |\n|---|---|---|---|---|---|\n`;
    for (const key of CONFIG_KEYS) if (groupOf(key) === title) text += keyRow(key);
  }
  return text;
}

const LISTENER_INTRODUCTION = `
## Listeners

\`listener.TYPE.NAME = [HOST:]PORT\` opens a listener, \`off\` closes one; any number of names. An IPv6 address stands in
brackets; port 0 lets the system choose. \`listener.unix.NAME = /path/of.sock\` opens a Unix domain socket. \`.bind\`
behind the name is another way to write the address, for nested YAML:

\`\`\`yaml
listener:
  ssl.external:
    certfile: certs/broker.pem
    keyfile: certs/broker.key
    sni:
      - certfile: certs/other.pem
        keyfile: certs/other.key
  ws.site:
    bind: 127.0.0.1:9001
    proxy_address_header: X-Forwarded-For
    trusted_proxies: [127.0.0.1]
\`\`\`

| type | clients |
|---|---|
| \`tcp\` | MQTT, not encrypted |
| \`ssl\` | MQTT over TLS |
| \`ws\` | MQTT over WebSocket, not encrypted |
| \`wss\` | MQTT over WebSocket over TLS |
| \`unix\` | MQTT over a Unix domain socket |
| \`api\` | programs that use the REST API: HTTP, or HTTPS |

Listeners of the type \`api\` serve the REST API, over HTTPS where they have a \`certfile\`. Of each, \`max_clients\` counts
connections of programs that ask; when all places are taken, connections without a request under way make room.

These are there from the start. Those with TLS open when \`certfile\` and \`keyfile\` are set. (EMQ 2.3 lets 1024
clients in through \`ssl.external\` and 64 through \`wss.external\`.)

| listener | default |
|---|---|
`;

function listenerSection(): string {
  let text = LISTENER_INTRODUCTION;
  for (const [key, { bind = '', ...options }] of Object.entries(SHIPPED_LISTENERS)) {
    const others = Object.entries(options).map(([name, value]) => code(`${name} = ${value}`));
    text += row([code(key), `${code(bind)} with ${others.join(', ')}`]);
  }
  text += `
\`listener.TYPE.NAME.OPTION\` sets an option; on a listener of another type than those below it is an error. A list may
also be numbered, \`OPTION.1\`, \`OPTION.2\`, as a list in YAML is.
`;
  for (const types of new Set(Object.values(LISTENER_OPTIONS).map(({ on }) => on)))
    text += optionTable(types);
  text += `
### Other ways to write them, and options without effect

What is an option of a socket may also be written \`tcp_options.OPTION\`: ${SOCKET_OPTIONS.map(code).join(', ')}.
These are read and set nothing:

| option | why |
|---|---|
`;
  for (const [name, { why }] of Object.entries(IDLE_OPTIONS)) text += row([code(name), why]);
  return text;
}

const NUMBERED: readonly (readonly [on: readonly ListenerType[], cells: readonly string[]])[] = [
  [
    WITH_ADDRESS,
    [
      code('access.N'),
      '',
      'allow or deny, then all, an IP address or address/prefix',
      'Who may connect: the rules are tried by number, the first that fits decides, and none that fits allows.',
    ],
  ],
  [
    ENCRYPTED,
    [
      `${code('sni.N.certfile')}, ${code('sni.N.keyfile')}`,
      '',
      `files; N is 1 to ${SNI_CERTIFICATES_MAX}`,
      'More certificates, each for the names in it; a client that asks for no name or another one gets `certfile`.',
    ],
  ],
];

/** The options that exist on just these types of listeners. */
function optionTable(types: readonly ListenerType[]): string {
  const list = types.map((type) => `\`${type}\``).join(', ');
  const where = types === ALL ? 'every listener' : types === EVERY ? 'every listener for clients' : list;
  let text = `\n### Options of ${where}\n\n| option | default | values | meaning |\n|---|---|---|---|\n`;
  for (const [name, { on, type, default: value, about }] of Object.entries(LISTENER_OPTIONS)) {
    if (on === types) text += row([code(name), code(value), valuesOf(type), about]);
  }
  for (const [on, cells] of NUMBERED) if (on === types) text += row(cells);
  return text;
}

const PLUGIN_INTRODUCTION = `
## Keys of plugins

They count where the plugin runs, and may also stand in a file \`NAME.conf\` of \`mqtt.plugins.etc_dir\`; what is set
while the broker runs replaces all of them. \`$id\` stands for any word. \`plugins\` is a list of modules with plugins
of your own, whose keys may be set in the same places; see [plugins.md](plugins.md).
`;

function pluginSection(): string {
  let text = PLUGIN_INTRODUCTION;
  for (const { name, options = {} } of BUILTIN) {
    if (Object.keys(options).length === 0) continue;
    text += `\n### ${name}\n\n| key | default | values | meaning |\n|---|---|---|---|\n`;
    for (const [key, option] of Object.entries(options)) {
      const preset = option.default === null ? '' : code(option.default);
      text += row([code(key), preset, valuesOf(valueTypeOf(option)), option.about]);
    }
  }
  return text;
}

function emqSection(): string {
  let text = `
## Keys of EMQ without effect

\`log.console.level\` sets \`log.level\`. These are read and set nothing:

| key | why |
|---|---|
`;
  for (const [key, reason] of listEmqKeysWithoutEffect()) text += row([code(key), reason]);
  return text;
}

function processSection(): string {
  let text = '\n## Exit codes\n\n| code | meaning |\n|---|---|\n';
  for (const [number, meaning] of EXIT_CODES) text += row([String(number), meaning]);
  return `${text}
## Environment

| variable | meaning |
|---|---|
| \`SHARDMQ_SECTION__KEY\` | sets the key \`section.key\` |
| \`SHARDMQ_ADMIN_PASSWORD\` | password that \`dashboard.default_user.login\` (\`admin\`) has from this start on; at each start; taken out of the environment |
| \`SHARDMQ_API_URL\`, \`SHARDMQ_API_USER\`, \`SHARDMQ_API_PASSWORD\` | for commands that ask a broker; see [cli.md](cli.md) |
| \`UV_THREADPOOL_SIZE\` | threads for commits, files and DNS; 8 for each shard and 4 more when not set |
`;
}

/** @returns the whole page. */
export function configurationPage(): string {
  return (
    INTRODUCTION +
    CHANGES +
    keyTables() +
    listenerSection() +
    pluginSection() +
    emqSection() +
    processSection()
  );
}
