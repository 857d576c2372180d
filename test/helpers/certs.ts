/** Certificates for tests: the files of test/certs, which test/certs/make.sh has made. */
import { fileURLToPath } from 'node:url';

// Tests run from dist/, the certificates lie in the source tree.
const FOLDER = new URL('../../../test/certs/', import.meta.url);

const pem = (name: string): string => fileURLToPath(new URL(`${name}.pem`, FOLDER));

/** Paths of a certificate and its private key. */
export interface CertPair {
  readonly certfile: string;
  readonly keyfile: string;
}

const pair = (name: string): CertPair => ({ certfile: pem(name), keyfile: pem(`${name}.key`) });

export const CERTS = {
  /** The authority that has signed everything except `clientUnknown`. */
  ca: pem('ca'),
  otherCa: pem('other-ca'),
  /** Revokes `clientRevoked`. */
  crl: pem('crl'),
  dh: pem('dh'),
  /** For localhost, 127.0.0.1 and ::1. */
  serverRsa: pair('server-rsa'),
  serverEcdsa: pair('server-ecdsa'),
  serverExpired: pair('server-expired'),
  /** For one.wild.example. */
  sniExact: pair('sni-exact'),
  /** For wild.example and *.wild.example. */
  sniWildcard: pair('sni-wildcard'),
  /** For cn-only.example by its common name; it has no alternative names. */
  sniNameOnly: pair('sni-name-only'),
  /** CN=meter-0001, OU="Line 1, West", O="shardmq tests", C=DE. */
  client: pair('client'),
  /** Without a common name. */
  clientNoName: pair('client-no-name'),
  /** CN=meter-0002, no longer valid. */
  clientExpired: pair('client-expired'),
  /** CN=meter-0003, in the list of revoked ones. */
  clientRevoked: pair('client-revoked'),
  /** CN=meter-0001 as well, but signed by `otherCa`. */
  clientUnknown: pair('client-unknown'),
} as const;
