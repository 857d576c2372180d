/** The username that a client's certificate stands for. Runs on the shard's thread. */
import type { X509Certificate } from 'node:crypto';
import type { CertificateUsername } from '../../src/config/listener-types.js';

/**
 * `cn`: the subject's only common name. `dn`: the subject as RFC 4514 writes it, the last part first, such as
 * `CN=meter-0001,O=Example,C=DE`. `crt`: the certificate, DER in base64.
 * @returns null when the certificate has no such name, or one that no MQTT client could have sent.
 */
export function usernameOf(certificate: X509Certificate, kind: CertificateUsername): string | null {
  if (kind === 'crt') return certificate.raw.toString('base64');
  const name = kind === 'cn' ? commonName(certificate) : distinguishedName(certificate);
  // The name goes into logs and topics, and [MQTT-1.5.4-2] allows no U+0000 anyway.
  return name === '' || /\p{Cc}/u.test(name) ? null : name;
}

// Node's own reading of the names, entry by entry: the text form would have to be taken apart again. With several
// common names it is a list, and which of them counts would be a guess.
function commonName(certificate: X509Certificate): string {
  const subject: unknown = certificate.toLegacyObject().subject?.CN;
  return typeof subject === 'string' ? subject : '';
}

// One line per part, escaped as in RFC 2253: a plus sign between spaces is never part of a value.
function distinguishedName(certificate: X509Certificate): string {
  return (certificate.subject ?? '')
    .split('\n')
    .map((part) => part.replaceAll(' + ', '+'))
    .reverse()
    .join(',');
}
