/** What `ssl` and `wss` listeners may be told about their encryption. Main thread, at start only. */
import { ENCRYPTED, option } from './listener-option.js';
import { ciphers, fileName, tlsVersions } from './listener-values.js';
import { choice, duration, flag } from './value-types.js';

export const TLS_OPTIONS = {
  certfile: option(
    ENCRYPTED,
    fileName(),
    '',
    'PEM file of the certificate, the authorities between it and the root behind it. Names of files count from the directory the broker is started in.',
  ),
  keyfile: option(ENCRYPTED, fileName(), '', 'PEM file of the private key of `certfile`.'),
  handshake_timeout: option(
    ENCRYPTED,
    duration(100, 120_000),
    '15s',
    'Time from accept to the end of the TLS handshake; then the connection is closed.',
  ),
  tls_versions: option(
    ENCRYPTED,
    tlsVersions(),
    'tlsv1.2,tlsv1.3',
    'Versions of TLS that are spoken; versions before 1.2 are broken, and off unless named.',
  ),
  ciphers: option(
    ENCRYPTED,
    ciphers(),
    '',
    'OpenSSL’s names of the ciphers that are spoken, commas or colons between; empty = Node.js’s choice.',
  ),
  honor_cipher_order: option(ENCRYPTED, flag(), 'on', 'The order of `ciphers` counts, not the client’s.'),
  dhfile: option(
    ENCRYPTED,
    fileName(),
    '',
    'PEM file of Diffie-Hellman parameters, for ciphers that begin with DHE; empty = no such ciphers.',
  ),
  reuse_sessions: option(
    ENCRYPTED,
    flag(),
    'on',
    'Clients that come back get by with a short handshake (session tickets).',
  ),
  verify: option(
    ENCRYPTED,
    choice('verify_none', 'verify_peer'),
    'verify_none',
    '`verify_peer` asks clients for a certificate and refuses those that no authority of `cacertfile` has signed.',
  ),
  fail_if_no_peer_cert: option(
    ENCRYPTED,
    flag(),
    'off',
    'With `verify_peer`: refuses clients without a certificate too.',
  ),
  cacertfile: option(
    ENCRYPTED,
    fileName(),
    '',
    'PEM file of the authorities that clients’ certificates may come from; needed for `verify_peer`.',
  ),
  crlfile: option(
    ENCRYPTED,
    fileName(),
    '',
    'PEM file of what the authorities of `cacertfile` have revoked, a list from each of them; empty = nothing.',
  ),
} as const;
