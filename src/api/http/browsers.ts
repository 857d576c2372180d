/**
 * What browsers do for pages that are not the API's own. They send name and password along that somebody typed there
 * earlier, and bodies of any type; and a page may give its own host name the address of this machine. Main thread.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Context, Next } from 'koa';
import { isLoopback } from '../../base/access.js';
import type { Users } from '../broker-port.js';

const FOREIGN = 'requests of pages from elsewhere are refused\n';
const PUBLIC =
  'the password that everybody knows is taken only where the API is asked by an address or as localhost; ' +
  'set another: shardmq users passwd\n';

/** Answers what a page of another origin has its browser ask with 403; links to the API may be followed. */
export function refuseForeignPages(context: Context, next: Next): Promise<unknown> | undefined {
  if (!isForeign(context)) return next();
  refuse(context, FOREIGN);
  return undefined;
}

/**
 * Answers with 403 who comes with the password that everybody knows and by a host name: no page could say that it is
 * the API itself, then. To be asked once the user is known.
 */
export function keepPublicPasswordHere(users: Pick<Users, 'withPublicPassword'>) {
  return (context: Context, next: Next): Promise<unknown> | undefined => {
    const user = context.state['user'] as string;
    if (isOwnHost(context.get('Host')) || !users.withPublicPassword().includes(user)) return next();
    refuse(context, PUBLIC);
    return undefined;
  };
}

function isForeign({ method, req: { headers } }: Context): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return false;
  if (method === 'GET' || method === 'HEAD')
    return site !== undefined && headers['sec-fetch-mode'] !== 'navigate';
  return site !== undefined || isOriginForeign(headers);
}

/** For browsers, and connections, that do not say more. */
function isOriginForeign({ origin, host = '' }: IncomingHttpHeaders): boolean {
  return origin !== undefined && origin.replace(/^https?:\/\//, '').toLowerCase() !== host.toLowerCase();
}

/** No name that somebody else could give this machine's address to. Browsers always send one. */
function isOwnHost(host: string): boolean {
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === '' || isIP(name) !== 0 || isLoopback(name.toLowerCase());
}

function refuse(context: Context, why: string): void {
  context.status = 403;
  context.set('Content-Type', 'text/plain');
  context.body = Buffer.from(why);
}
