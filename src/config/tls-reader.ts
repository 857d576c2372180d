/** Reads what a listener was told about TLS, and finds what would leave it open or dead. Main thread, at start only. */
import type { Entry } from './entry.js';
import type { Draft, Findings } from './listener-draft.js';
import type { CertificateFiles, ListenerConfig, TlsSettings } from './listener-types.js';
import { fileName } from './listener-values.js';

const FILE = fileName();

/** Files that are missing are empty here; `checkTls` names them. */
export function tlsSettings(draft: Draft): TlsSettings {
  const { min, max } = draft.read('tls_versions');
  return {
    certfile: draft.read('certfile') ?? '',
    keyfile: draft.read('keyfile') ?? '',
    sni: sniOf(draft),
    cacertfile: draft.read('cacertfile'),
    crlfile: draft.read('crlfile'),
    verifyPeer: draft.read('verify') === 'verify_peer',
    failIfNoPeerCert: draft.read('fail_if_no_peer_cert'),
    minVersion: min,
    maxVersion: max,
    ciphers: draft.read('ciphers'),
    dhfile: draft.read('dhfile'),
    honorCipherOrder: draft.read('honor_cipher_order'),
    reuseSessions: draft.read('reuse_sessions'),
    handshakeTimeoutMs: draft.read('handshake_timeout'),
  };
}

function sniOf(draft: Draft): readonly CertificateFiles[] {
  const file = (option: string): string => {
    const entry = draft.given.get(option);
    const name = entry === undefined ? null : draft.parse(FILE, entry);
    return typeof name === 'string' ? name : '';
  };
  return sniNumbers(draft).map((number) => ({
    certfile: file(`sni.${number}.certfile`),
    keyfile: file(`sni.${number}.keyfile`),
  }));
}

function sniNumbers(draft: Draft): number[] {
  const numbers = [...draft.given.keys()].map((option) => Number(/^sni\.(\d+)\./.exec(option)?.[1] ?? 0));
  return [...new Set(numbers)].filter((number) => number > 0).sort((a, b) => a - b);
}

/** @returns whether a listener that nobody gave an address is to be opened; those with TLS wait for a certificate. */
export function isCertified(draft: Draft, findings: Findings): boolean {
  if (!isEncrypted(draft)) return true;
  if (isGivenCertificate(draft)) return true;
  const first = [...draft.given.values()][0];
  if (first !== undefined)
    findings.warn(
      first,
      `${draft.prefix} is not opened until its certificate is named: set ${draft.prefix}.certfile and .keyfile`,
    );
  return false;
}

/** @returns whether clients of this listener speak TLS; those of the API do where a certificate or key is named */
export const isEncrypted = (draft: Draft): boolean =>
  draft.type === 'ssl' || draft.type === 'wss' || (draft.type === 'api' && isGivenCertificate(draft));

const isGivenCertificate = (draft: Draft): boolean =>
  fileEntry(draft, 'certfile') !== undefined || fileEntry(draft, 'keyfile') !== undefined;

/** Says what is missing of a listener that is to be opened. */
export function checkTls(draft: Draft, { tls }: ListenerConfig, findings: Findings): void {
  if (tls === null) return;
  checkPair(draft, '', findings);
  for (const number of sniNumbers(draft)) checkPair(draft, `sni.${number}.`, findings);
  const authorities = `${draft.prefix}.cacertfile to be set as well, with the authorities that clients’ certificates come from`;
  const verify = draft.entry('verify');
  // Without authorities of its own, OpenSSL would take a certificate from any of the world's.
  if (verify !== undefined && tls.verifyPeer && tls.cacertfile === null) findings.issue(verify, authorities);
  const revoked = fileEntry(draft, 'crlfile');
  if (revoked !== undefined && tls.cacertfile === null) findings.issue(revoked, authorities);
  if (tls.verifyPeer) return;
  const strict = tls.failIfNoPeerCert ? draft.entry('fail_if_no_peer_cert') : undefined;
  for (const entry of [revoked, strict])
    if (entry !== undefined)
      findings.warn(
        entry,
        `no effect without ${draft.prefix}.verify = verify_peer: clients are not asked for a certificate`,
      );
}

function checkPair(draft: Draft, start: string, findings: Findings): void {
  const certificate = fileEntry(draft, `${start}certfile`);
  const key = fileEntry(draft, `${start}keyfile`);
  const said = certificate ?? key ?? draft.given.get('bind') ?? draft.given.get(`${start}certfile`);
  if ((certificate !== undefined && key !== undefined) || said === undefined) return;
  const missing = [
    ...(certificate === undefined ? [`${draft.prefix}.${start}certfile`] : []),
    ...(key === undefined ? [`${draft.prefix}.${start}keyfile`] : []),
  ];
  findings.issue(said, `${missing.join(' and ')} to be set as well`);
}

/** @returns the setting, unless it says that there is no such file. */
function fileEntry(draft: Draft, option: string): Entry | undefined {
  const entry = draft.given.get(option);
  return entry?.value === '' ? undefined : entry;
}
