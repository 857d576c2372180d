/**
 * Reads what one ssl or wss listener needs to encrypt, and checks it as far as can be done before a client comes.
 * Main thread.
 */
import { constants, createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, DEFAULT_CIPHERS, getCiphers } from 'node:tls';
import type { ListenerId, TlsCertificate, TlsContextOptions, TlsMaterial } from '../actor/shard-protocol.js';
import { messageOf } from '../base/errors.js';
import type { CertificateFiles, ListenerConfig, TlsSettings } from '../config/listener-types.js';
import { pemBlocks, readPem } from './pem-files.js';

/** What was found out about one listener. With issues, `material` is null. */
export interface TlsMaterialResult {
  /** Without ticket keys. */
  readonly material: TlsMaterial | null;
  /** One line each, beginning with the key of the configuration. */
  readonly issues: readonly string[];
  readonly warnings: readonly string[];
}

/** All files that a listener's TLS is made of. */
export function tlsFilesOf(tls: TlsSettings): string[] {
  const { certfile, keyfile, cacertfile, crlfile, dhfile, sni } = tls;
  const files = [certfile, keyfile, cacertfile, crlfile, dhfile, ...sni.flatMap(certificateFiles)];
  return files.filter((file) => file !== null);
}

const certificateFiles = ({ certfile, keyfile }: CertificateFiles): string[] => [certfile, keyfile];

/** Never rejects. @param wallMs now, since 1970 */
export function loadTlsMaterial(
  id: ListenerId,
  listener: ListenerConfig,
  wallMs: number,
): Promise<TlsMaterialResult> {
  return new TlsMaterialReader(id, listener, wallMs).read();
}

/** @returns what belongs to `listeners`, which are the first in number; those of the API come after them */
export const ofFirst = (
  listeners: readonly ListenerConfig[],
  material: readonly TlsMaterial[],
): readonly TlsMaterial[] => material.filter(({ listener }) => listener < listeners.length);

class TlsMaterialReader {
  readonly #id: ListenerId;
  readonly #key: string;
  readonly #tls: TlsSettings;
  readonly #wallMs: number;
  readonly #issues: string[] = [];
  readonly #warnings: string[] = [];

  constructor(id: ListenerId, { type, name, tls }: ListenerConfig, wallMs: number) {
    this.#id = id;
    this.#key = `listener.${type}.${name}`;
    this.#tls = tls!;
    this.#wallMs = wallMs;
  }

  async read(): Promise<TlsMaterialResult> {
    const options = await this.#options();
    const certificate = await this.#certificate('', this.#tls);
    const sni: TlsCertificate[] = [];
    for (const [index, files] of this.#tls.sni.entries()) {
      const prefix = `sni.${index + 1}.`;
      const more = await this.#certificate(prefix, files);
      if (more === null) continue;
      if (more.names.length === 0) this.#issue(`${prefix}certfile`, files.certfile, 'is for no host name');
      sni.push(more);
    }
    const isWhole = certificate !== null && this.#issues.length === 0 && this.#fit(options, certificate, sni);
    return {
      material: isWhole ? { listener: this.#id, options, certificate, sni } : null,
      issues: this.#issues,
      warnings: this.#warnings,
    };
  }

  /** Each part is good: whether a shard can use them together, such as a key and a security level of `ciphers`. */
  #fit(options: TlsContextOptions, first: TlsCertificate, sni: readonly TlsCertificate[]): boolean {
    const { ticketKeys: _, ...shared } = options;
    for (const [index, { cert, key }] of [first, ...sni].entries()) {
      const [option, { certfile }] =
        index === 0 ? ['certfile', this.#tls] : [`sni.${index}.certfile`, this.#tls.sni[index - 1]!];
      this.#try(option, certfile, () => createSecureContext({ ...shared, cert, key }));
    }
    return this.#issues.length === 0;
  }

  async #options(): Promise<TlsContextOptions> {
    const { cacertfile, crlfile, dhfile, minVersion, maxVersion, honorCipherOrder, reuseSessions } =
      this.#tls;
    const ca = cacertfile === null ? null : await this.#authorities(cacertfile);
    const crl = crlfile === null ? null : await this.#revoked(crlfile);
    const dhparam = dhfile === null ? null : await this.#dhParameters(dhfile);
    return {
      ...(ca === null ? {} : { ca }),
      ...(crl === null ? {} : { crl }),
      ...(dhparam === null ? {} : { dhparam }),
      ciphers: this.#ciphers(),
      honorCipherOrder,
      minVersion,
      maxVersion,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (reuseSessions ? 0 : constants.SSL_OP_NO_TICKET),
      sessionIdContext: this.#sessionIdContext(ca, crl),
    };
  }

  // A session that is resumed is not verified again: who would be refused now must not come in with an old ticket.
  #sessionIdContext(ca: string | null, crl: readonly string[] | null): string {
    const hash = createHash('sha256');
    for (const part of [this.#key, ca ?? '', ...(crl ?? [])]) hash.update(`${part.length}:${part}`);
    return hash.digest('hex').slice(0, 32);
  }

  #ciphers(): string {
    const { ciphers, minVersion } = this.#tls;
    const known = new Set(getCiphers());
    const unknown = (ciphers ?? '')
      .split(':')
      .filter((name) => /^[\w]+(?:-\w+)+$/.test(name) && !known.has(name.toLowerCase()));
    if (unknown.length > 0) this.#warn('ciphers', `unknown here and left out: ${unknown.join(', ')}`);
    const list = ciphers ?? DEFAULT_CIPHERS;
    // OpenSSL 3 does TLS 1.0 and 1.1 at its lowest security level only; who asks for them asks for it.
    const isOld = (minVersion === 'TLSv1' || minVersion === 'TLSv1.1') && !list.includes('@SECLEVEL');
    const full = isOld ? `${list}:@SECLEVEL=0` : list;
    this.#try('ciphers', '', () => createSecureContext({ ciphers: full }));
    return full;
  }

  async #authorities(path: string): Promise<string | null> {
    const text = await this.#text('cacertfile', path);
    if (text === null) return null;
    const blocks = pemBlocks(text, /CERTIFICATE$/);
    if (blocks.length === 0) this.#issue('cacertfile', path, 'holds no certificate');
    for (const [index, block] of blocks.entries()) {
      const what = `certificate ${index + 1} of the file cannot be read`;
      if (certificateOf(block) === null) this.#issue('cacertfile', path, what);
    }
    return text;
  }

  // Node reads only the first list of a text.
  async #revoked(path: string): Promise<string[] | null> {
    const text = await this.#text('crlfile', path);
    if (text === null) return null;
    const lists = pemBlocks(text, /^X509 CRL$/);
    if (lists.length === 0) this.#issue('crlfile', path, 'holds no list of revoked certificates (X509 CRL)');
    else this.#try('crlfile', path, () => createSecureContext({ crl: lists }));
    return lists;
  }

  // Node passes over a text without parameters in silence.
  async #dhParameters(path: string): Promise<string | null> {
    const text = await this.#text('dhfile', path);
    if (text === null) return null;
    if (pemBlocks(text, /DH PARAMETERS$/).length === 0)
      this.#issue('dhfile', path, 'holds no Diffie-Hellman parameters');
    else this.#try('dhfile', path, () => createSecureContext({ dhparam: text }));
    return text;
  }

  /** @param prefix `sni.N.` for a further certificate */
  async #certificate(prefix: string, files: CertificateFiles): Promise<TlsCertificate | null> {
    const { certfile, keyfile } = files;
    const cert = await this.#text(`${prefix}certfile`, certfile);
    const key = await this.#text(`${prefix}keyfile`, keyfile);
    const own = cert === null ? null : this.#ownCertificate(`${prefix}certfile`, certfile, cert);
    const secret = key === null ? null : this.#privateKey(`${prefix}keyfile`, keyfile, key);
    if (own === null || secret === null) return null;
    if (!own.checkPrivateKey(secret)) {
      this.#issue(`${prefix}keyfile`, keyfile, `is not the key of the certificate in ${certfile}`);
      return null;
    }
    return { cert: cert!, key: key!, names: hostNames(own) };
  }

  #ownCertificate(option: string, path: string, text: string): X509Certificate | null {
    const [first] = pemBlocks(text, /CERTIFICATE$/);
    const own = first === undefined ? null : certificateOf(first);
    if (own === null) {
      this.#issue(
        option,
        path,
        first === undefined ? 'holds no certificate' : 'its certificate cannot be read',
      );
      return null;
    }
    if (Date.parse(own.validTo) < this.#wallMs) this.#warn(option, `${path}: expired on ${own.validTo}`);
    if (Date.parse(own.validFrom) > this.#wallMs)
      this.#warn(option, `${path}: valid from ${own.validFrom} only`);
    return own;
  }

  #privateKey(option: string, path: string, text: string): KeyObject | null {
    if (/ENCRYPTED/.test(text)) {
      this.#issue(option, path, 'is locked with a passphrase; the broker needs a key without one');
      return null;
    }
    if (pemBlocks(text, /PRIVATE KEY$/).length === 0) {
      this.#issue(option, path, 'holds no private key');
      return null;
    }
    return this.#try(option, path, () => createPrivateKey(text));
  }

  async #text(option: string, path: string): Promise<string | null> {
    try {
      return await readPem(path);
    } catch (error) {
      this.#issue(option, path, messageOf(error));
      return null;
    }
  }

  #try<Result>(option: string, path: string, make: () => Result): Result | null {
    try {
      return make();
    } catch (error) {
      this.#issue(option, path, `OpenSSL does not take it: ${messageOf(error)}`);
      return null;
    }
  }

  #issue(option: string, path: string, text: string): void {
    this.#issues.push(`${this.#key}.${option}: ${path === '' ? '' : `${path}: `}${text}`);
  }

  #warn(option: string, text: string): void {
    this.#warnings.push(`${this.#key}.${option}: ${text}`);
  }
}

function certificateOf(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** Host names a certificate is for: its alternative names, or the common name of one that has none (RFC 6125). */
function hostNames(certificate: X509Certificate): string[] {
  const { subjectAltName } = certificate;
  const commonName: unknown = certificate.toLegacyObject().subject?.CN;
  const names =
    subjectAltName === undefined
      ? [typeof commonName === 'string' ? commonName : '']
      : subjectAltName.split(', ').map((entry) => (entry.startsWith('DNS:') ? entry.slice(4) : ''));
  return names
    .map((name) => name.toLowerCase())
    .filter((name) => /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/.test(name));
}
