/** The certificates of one TLS listener, and which of them a client gets. Any thread. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsCertificate, TlsMaterial } from './shard-protocol.js';

export class TlsContexts {
  /** By host name, exact or with `*` as its first label; null is the default certificate. */
  private readonly contexts = new Map<string, SecureContext | null>();

  constructor(private material: TlsMaterial) {
    this.nameContexts();
  }

  /** Of the default certificate, as Node's TLS server takes them. */
  get defaults(): SecureContextOptions {
    return optionsOf(this.material, this.material.certificate);
  }

  /** Certificates and ticket keys for the handshakes that start from now on. */
  update(material: TlsMaterial): void {
    this.material = material;
    this.nameContexts();
  }

  /** Node's `SNICallback`. */
  readonly onServerName = (
    name: string,
    answer: (error: Error | null, context?: SecureContext) => void,
  ): void => {
    const lower = name.toLowerCase();
    const exact = this.contexts.get(lower);
    const context = exact === undefined ? this.contexts.get(lower.replace(/^[^.]*/, '*')) : exact;
    if (context == null) answer(null);
    else answer(null, context);
  };

  private nameContexts(): void {
    const { material, contexts } = this;
    contexts.clear();
    // The first certificate that contains a name serves it, the default one before all others.
    for (const name of material.certificate.names) contexts.set(name, null);
    for (const certificate of material.sni) {
      const context = createSecureContext(optionsOf(material, certificate));
      for (const name of certificate.names) {
        if (!contexts.has(name)) contexts.set(name, context);
      }
    }
  }
}

function optionsOf({ options }: TlsMaterial, { cert, key }: TlsCertificate): SecureContextOptions {
  const { ticketKeys, ...rest } = options;
  return { ...rest, cert, key, ...(ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(ticketKeys) }) };
}
