/** The kinds of values that only options of listeners have. Main thread, at start only. */
import { LIST_ITEMS_MAX } from '../limits.js';
import { isNetwork } from './listener-address.js';
import type { CertificateUsername, RateLimit, TlsVersion } from './listener-types.js';
import { choice, INVALID, type ValueType } from './value-types.js';

/** `100,10`: burst and rate of a token bucket; empty: no limit (null). */
export function rateLimit(): ValueType<RateLimit | null> {
  return {
    name: 'rate',
    range: 'burst,rate',
    expected:
      'burst,rate in KB and KB per second such as 100,10, both above 0 and the burst not below the rate',
    parse(value) {
      if (value === '') return null;
      const match = /^(\d{1,9})\s*,\s*(\d{1,9})$/.exec(value);
      const burst = Number(match?.[1]);
      const rate = Number(match?.[2]);
      if (match === null || rate < 1 || burst < rate) return INVALID;
      return { burstBytes: burst * 1024, bytesPerSecond: rate * 1024 };
    },
    format: (limit) => (limit === null ? '' : `${limit.burstBytes / 1024},${limit.bytesPerSecond / 1024}`),
  };
}

/** Text of a form, or nothing at all (null). */
function optional(name: string, expected: string, pattern: RegExp): ValueType<string | null> {
  return {
    name,
    range: '',
    expected,
    parse: (value) => (value === '' ? null : pattern.test(value) ? value : INVALID),
    format: (value) => value ?? '',
  };
}

/** The name of a file; empty: none (null). */
export const fileName = (): ValueType<string | null> =>
  optional('file', 'the name of a file, at most 4096 characters', /^[^\p{Cc}]{1,4096}$/u);

/** The name of an HTTP header, kept in lower case; empty: none (null). */
export function headerName(): ValueType<string | null> {
  const any = optional('header', 'the name of an HTTP header', /^[\w!#$%&'*+.^`|~-]{1,128}$/);
  return {
    ...any,
    parse(value) {
      const name = any.parse(value);
      return typeof name === 'string' ? name.toLowerCase() : name;
    },
  };
}

/** Which part of a certificate is a username; empty: none (null). */
export function certificateUsername(): ValueType<CertificateUsername | null> {
  const part = choice('cn', 'dn', 'crt');
  return {
    ...part,
    parse: (value) => (value === '' ? null : part.parse(value)),
    format: (value) => value ?? '',
  };
}

/** Permissions of a file. The zero in front keeps the decimal number of a program's `0o660` from being taken. */
export function fileMode(): ValueType<number> {
  return {
    name: 'mode',
    range: '0000 to 0777',
    expected: 'permissions in octal with a zero in front, such as 0660',
    parse: (value) => (/^0[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : INVALID),
    format: (mode) => mode.toString(8).padStart(4, '0'),
  };
}

/** Items with commas between; `read` gives an item's lasting form, null when it is none. */
function list(
  expected: string,
  read: (item: string) => string | null,
  separator = /\s*,\s*/,
): ValueType<readonly string[]> {
  return {
    name: 'list',
    range: `${expected}, comma between`,
    expected: `${expected}, with commas between, at most ${LIST_ITEMS_MAX}`,
    parse(value) {
      if (value === '') return [];
      const items = value.split(separator);
      if (items.length > LIST_ITEMS_MAX) return INVALID;
      const known: string[] = [];
      for (const item of items) {
        const form = read(item);
        if (form === null) return INVALID;
        known.push(form);
      }
      return known;
    },
    format: (items) => items.join(','),
  };
}

/** IP addresses and networks. */
export const networks = (): ValueType<readonly string[]> =>
  list('IP addresses or address/prefix', (item) => (isNetwork(item) ? item : null));

/** Values of the Origin header, as browsers write them. `*` is every origin, which is no list at all. */
export function origins(): ValueType<readonly string[]> {
  const some = list('origins such as https://app.example', originOf);
  return {
    ...some,
    range: `${some.range}, or *`,
    expected: `${some.expected}, or *`,
    parse: (value) => (value === '*' ? [] : some.parse(value)),
  };
}

function originOf(item: string): string | null {
  // What a browser sends for pages that have no origin, such as files.
  if (item === 'null') return item;
  const match = /^([a-z][a-z\d+.-]{0,31}):\/\/[^\s/?#@,*]{1,255}$/i.exec(item);
  if (match === null || !URL.canParse(item)) return null;
  const { origin } = new URL(item);
  // Of schemes it does not know, such as an app's own, the URL parser says only that they have no web origin.
  return origin === 'null' ? item.toLowerCase() : origin;
}

const TLS_VERSIONS: readonly TlsVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

/** First and last of some versions of TLS that follow each other. */
export interface TlsVersions {
  readonly min: TlsVersion;
  readonly max: TlsVersion;
}

/** `tlsv1.2,tlsv1.3`, in any order but without a gap: OpenSSL is told the first and the last. */
export function tlsVersions(): ValueType<TlsVersions> {
  return {
    name: 'list',
    range: 'tlsv1, tlsv1.1, tlsv1.2, tlsv1.3, comma between, without a gap',
    expected: 'versions of tlsv1, tlsv1.1, tlsv1.2, tlsv1.3 with commas between and without a gap',
    parse(value) {
      const items = value.toLowerCase().split(/\s*,\s*/);
      const isNamed = TLS_VERSIONS.map((version) => items.includes(version.toLowerCase()));
      const [first, last] = [isNamed.indexOf(true), isNamed.lastIndexOf(true)];
      const named = isNamed.filter((is) => is).length;
      if (first < 0 || named !== last - first + 1 || named !== new Set(items).size) return INVALID;
      return { min: TLS_VERSIONS[first]!, max: TLS_VERSIONS[last]! };
    },
    format({ min, max }) {
      const versions = TLS_VERSIONS.slice(TLS_VERSIONS.indexOf(min), TLS_VERSIONS.indexOf(max) + 1);
      return versions.join(',').toLowerCase();
    },
  };
}

/** Names of ciphers as OpenSSL has them, commas or colons between; kept with colons; empty: Node's own (null). */
export function ciphers(): ValueType<string | null> {
  const names = list(
    'OpenSSL’s names of ciphers',
    (item) => (/^[\w!+@=-]{1,64}$/.test(item) ? item : null),
    /\s*[,:]\s*/,
  );
  return {
    ...names,
    parse(value) {
      const items = names.parse(value);
      return items === INVALID ? INVALID : items.length === 0 ? null : items.join(':');
    },
    format: (text) => text ?? '',
  };
}
