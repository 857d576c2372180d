/** Where a listener listens, and networks of addresses: how both are read and written. Main thread, at start only. */
import { isIP } from 'node:net';
import type { AccessRule } from '../base/access.js';
import { UNIX_PATH_BYTES_MAX } from '../limits.js';
import type { ListenAddress } from './listener-types.js';
import { INVALID, type ValueType } from './value-types.js';

/** `PORT`, `HOST:PORT`, `[IPv6]:PORT` as EMQ writes it also without brackets, or `off` (null). */
export function listenAddress(): ValueType<ListenAddress | null> {
  return {
    name: 'address',
    range: '',
    expected: 'PORT, HOST:PORT, [IPv6]:PORT or off, with a port of 0 to 65535',
    parse: parseAddress,
    format: (address) => (address === null ? 'off' : formatAddress(address)),
  };
}

function parseAddress(value: string): ListenAddress | null | typeof INVALID {
  if (isOff(value)) return null;
  const match = /^(?:(.{1,255}):)?(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) return INVALID;
  const host = match[1] ?? '0.0.0.0';
  if (host.startsWith('['))
    return isIP(host.slice(1, -1)) === 6 && host.endsWith(']')
      ? { host: host.slice(1, -1), port, path: null, isPortOnly: false }
      : INVALID;
  const isPortOnly = match[1] === undefined;
  return isIP(host) !== 0 || isHostName(host) ? { host, port, path: null, isPortOnly } : INVALID;
}

const isOff = (value: string): boolean => value === 'off' || value === 'false';

const isHostName = (host: string): boolean =>
  !/^[\d.]+$/.test(host) && /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host);

/** The file of a Unix domain socket, or `off` (null). */
export function socketPath(): ValueType<ListenAddress | null> {
  return {
    name: 'path',
    range: `at most ${UNIX_PATH_BYTES_MAX} bytes`,
    expected: `the path of a socket, at most ${UNIX_PATH_BYTES_MAX} bytes, or off`,
    parse(value) {
      if (isOff(value)) return null;
      const fits = Buffer.byteLength(value) <= UNIX_PATH_BYTES_MAX;
      return fits && /^[^\p{Cc}]*[^\p{Cc}/]$/u.test(value)
        ? { host: '', port: 0, path: value, isPortOnly: false }
        : INVALID;
    },
    format: (address) => (address === null ? 'off' : formatAddress(address)),
  };
}

/** @returns `host:port`, with brackets around an IPv6 address, or the path of a Unix domain socket. */
export function formatAddress({ host, port, path }: Omit<ListenAddress, 'isPortOnly'>): string {
  if (path !== null) return path;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The value of `access.N`. */
export function accessRule(): ValueType<AccessRule> {
  return {
    name: 'rule',
    range: '',
    expected: 'allow or deny, then all, an IP address or address/prefix',
    parse(value) {
      const match = /^(allow|deny)\s+(\S{1,64})$/.exec(value);
      if (match === null || !(match[2] === 'all' || isNetwork(match[2]!))) return INVALID;
      return { allow: match[1] === 'allow', range: match[2]! };
    },
    format: (rule) => `${rule.allow ? 'allow' : 'deny'} ${rule.range}`,
  };
}

/** @returns whether the text is an IP address, or one with the length of a prefix. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
