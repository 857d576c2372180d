/** What a newcomer reads first: what listens where, and how to try it. Main thread, once. */
import { isLoopback } from '../base/access.js';
import type { Broker, OpenListener } from '../broker-api.js';
import { formatAddress } from '../config/listener-address.js';

/** What the first screen tells beside what the broker itself knows. */
export interface FirstScreen {
  readonly broker: Pick<Broker, 'shards' | 'listeners' | 'usersWithPublicPassword'>;
  readonly version: string;
  readonly nodeVersion: string;
  /** An absolute path. */
  readonly dataDir: string;
  readonly allowsAnonymous: boolean;
}

/** @returns the lines before `shardmq ready`. */
export function firstScreenLines(screen: FirstScreen): string[] {
  const { broker, version, nodeVersion, dataDir } = screen;
  const shards = broker.shards === 1 ? '1 shard' : `${broker.shards} shards`;
  const lines = [`shardmq ${version} on Node.js ${nodeVersion}, ${shards}, data in ${dataDir}`];
  for (const { protocol, name, webSocketPath, url, ...address } of broker.listeners) {
    const place = url ?? formatAddress(address);
    const where = `${place}${webSocketPath === null ? '' : ` at ${webSocketPath}`}`;
    lines.push(`  listener.${protocol}.${name} listens on ${where}`);
  }
  const [user] = broker.usersWithPublicPassword;
  if (user !== undefined && broker.listeners.some(({ url }) => url !== null))
    lines.push(`  the API's user ${user} has the password "public": shardmq users passwd ${user} changes it`);
  const forClients = broker.listeners.filter(({ protocol }) => protocol !== 'api');
  if (forClients.length === 0) lines.push('  no listener for clients is on: nobody can connect');
  if (screen.allowsAnonymous && forClients.some(({ host, path }) => path === null && !isLoopback(host))) {
    lines.push('  clients need no password, from other machines too (mqtt.allow_anonymous)');
  }
  const easiest = easiestToTry(forClients);
  if (easiest !== undefined) lines.push(...tryLines(easiest, screen.allowsAnonymous));
  return lines;
}

const isAnyAddress = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** A listener that both programs find without being told a host, if there is one. */
const easiestToTry = (all: readonly OpenListener[]): OpenListener | undefined => {
  const listeners = all.filter(({ isProxied }) => !isProxied);
  const tcp = listeners.filter(({ protocol }) => protocol === 'tcp');
  const here = tcp.find(({ host }) => isAnyAddress(host) || isLoopback(host));
  return here ?? tcp[0] ?? listeners.find(({ protocol }) => protocol === 'unix');
};

const forShell = (word: string): string =>
  /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function tryLines({ host, port, path }: OpenListener, allowsAnonymous: boolean): string[] {
  const needsHost = !isAnyAddress(host) && host !== '127.0.0.1' && host !== 'localhost';
  const address = path === null ? `${needsHost ? `-h ${host} ` : ''}-p ${port}` : `--unix ${forShell(path)}`;
  const where = allowsAnonymous ? address : `${address} -u USER -P PASSWORD`;
  return [
    'try it in two terminals:',
    `  mosquitto_sub ${where} -t 'demo/#' -v`,
    `  mosquitto_pub ${where} -t demo/hello -m 'it works'`,
  ];
}
