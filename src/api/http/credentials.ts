/** Name and password of a request, as HTTP Basic authentication carries them. Main thread. */

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

const BASIC = /^ *basic +([\w.~+/-]+=*) *$/i;

/** @returns null for another scheme, for what is no base64, and where there is no colon */
export function readCredentials(authorization: string): Credentials | null {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  // A password may have colons too.
  return colon < 0 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
