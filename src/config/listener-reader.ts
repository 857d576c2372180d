/**
 * Turns what was said about one listener into its settings, and finds what does not fit together. Main thread, at
 * start only.
 */
import type { AccessRule } from '../base/access.js';
import { accessRule, listenAddress, socketPath } from './listener-address.js';
import type { Draft, Findings } from './listener-draft.js';
import { IDLE_OPTIONS, SHIPPED_LISTENERS } from './listener-options.js';
import type { ListenAddress, ListenerConfig, ListenerSettings, WebSocketSettings } from './listener-types.js';
import { TLS_OPTIONS } from './tls-options.js';
import { checkTls, isCertified, isEncrypted, tlsSettings } from './tls-reader.js';
import { INVALID } from './value-types.js';

const ADDRESS = listenAddress();
const PATH = socketPath();
const ACCESS = accessRule();

/** Reads every option, so that all mistakes are found. @returns null for a listener that is not to be opened */
export function finishListener(draft: Draft, findings: Findings): ListenerConfig | null {
  const settings = settingsOf(draft);
  for (const [name, { type }] of Object.entries(IDLE_OPTIONS)) {
    const entry = draft.given.get(name);
    if (entry !== undefined) draft.parse(type, entry);
  }
  const address = addressOf(draft, findings);
  if (address === null) return null;
  const listener = { type: draft.type, name: draft.name, ...address, ...settings };
  checkTls(draft, listener, findings);
  checkProxy(draft, listener, findings);
  checkUsername(draft, listener, findings);
  warnOfIdle(draft, findings);
  if (draft.type === 'api') warnOfApi(draft, listener, findings);
  return listener;
}

function settingsOf(draft: Draft): ListenerSettings {
  const { type } = draft;
  const isWeb = type === 'ws' || type === 'wss';
  const proxyTimeoutMs = draft.read('proxy_protocol_timeout');
  return {
    acceptors: draft.read('acceptors'),
    maxClients: draft.read('max_clients'),
    maxConnRate: draft.read('max_conn_rate'),
    backlog: draft.read('backlog'),
    nodelay: draft.read('nodelay'),
    mountpoint: draft.read('mountpoint'),
    rateLimit: draft.read('rate_limit'),
    access: accessOf(draft),
    sendTimeoutMs: draft.read('send_timeout'),
    recbufBytes: draft.read('recbuf'),
    sndbufBytes: draft.read('sndbuf'),
    mode: type === 'unix' ? draft.read('mode') : 0,
    proxy: draft.read('proxy_protocol') ? { timeoutMs: proxyTimeoutMs } : null,
    trustedProxies: draft.read('trusted_proxies'),
    tls: isEncrypted(draft) ? tlsSettings(draft) : null,
    webSocket: isWeb ? webSocketSettings(draft) : null,
    certificateUsername: draft.read('peer_cert_as_username'),
  };
}

const webSocketSettings = (draft: Draft): WebSocketSettings => ({
  path: draft.read('mqtt_path'),
  origins: draft.read('allowed_origins'),
  compress: draft.read('compress'),
  addressHeader: draft.read('proxy_address_header'),
  portHeader: draft.read('proxy_port_header'),
});

function accessOf(draft: Draft): readonly AccessRule[] {
  const rules: AccessRule[] = [];
  for (const entry of draft.numbered('access')) {
    const rule = draft.parse(ACCESS, entry);
    if (rule !== INVALID) rules.push(rule);
  }
  return rules;
}

/** @returns null when the listener is off, has no address, or waits for its certificate */
function addressOf(draft: Draft, findings: Findings): ListenAddress | null {
  const type = draft.type === 'unix' ? PATH : ADDRESS;
  const entry = draft.given.get('bind');
  if (entry !== undefined) {
    const address = draft.parse(type, entry);
    return address === INVALID ? null : address;
  }
  const shipped = SHIPPED_LISTENERS[draft.prefix]?.['bind'];
  if (shipped === undefined) {
    const first = [...draft.given.values()][0]!;
    findings.warn(first, `${draft.prefix} has options but no address, so it is not opened`);
    return null;
  }
  return isCertified(draft, findings) ? (type.parse(shipped) as ListenAddress) : null;
}

/** Whoever believes everybody lets every client choose its address, and so pass access rules. */
function checkProxy(draft: Draft, listener: ListenerConfig, findings: Findings): void {
  const { proxy, trustedProxies, webSocket, type } = listener;
  const cause =
    proxy !== null
      ? draft.entry('proxy_protocol')
      : webSocket?.addressHeader != null
        ? draft.entry('proxy_address_header')
        : undefined;
  const trusted = draft.entry('trusted_proxies');
  if (cause !== undefined && trustedProxies.length === 0 && type !== 'unix')
    findings.warn(
      cause,
      `everybody who connects is believed about the client’s address; set ${draft.prefix}.trusted_proxies`,
    );
  if (cause === undefined && trusted !== undefined && trustedProxies.length > 0)
    findings.warn(
      trusted,
      `no effect without ${draft.prefix}.proxy_protocol${webSocket === null ? '' : ' or .proxy_address_header'}`,
    );
  const portHeader = draft.entry('proxy_port_header');
  if (portHeader !== undefined && webSocket?.portHeader != null && webSocket.addressHeader === null)
    findings.warn(portHeader, `no effect without ${draft.prefix}.proxy_address_header`);
}

/** A certificate is seen where TLS ends: here, or in a proxy that tells only the name. */
function checkUsername(draft: Draft, listener: ListenerConfig, findings: Findings): void {
  const entry = draft.entry('peer_cert_as_username');
  const { certificateUsername, tls, proxy } = listener;
  if (entry === undefined || certificateUsername === null) return;
  if (tls !== null) {
    if (!tls.verifyPeer)
      findings.warn(
        entry,
        `no effect without ${draft.prefix}.verify = verify_peer: clients are not asked for a certificate`,
      );
  } else if (certificateUsername !== 'cn')
    findings.issue(entry, 'cn, all that a PROXY header tells of a certificate');
  else if (proxy === null) findings.warn(entry, `no effect without ${draft.prefix}.proxy_protocol = on`);
  else if (listener.trustedProxies.length === 0 && listener.type !== 'unix')
    findings.warn(entry, `everybody who connects may say any username; set ${draft.prefix}.trusted_proxies`);
}

function warnOfIdle(draft: Draft, findings: Findings): void {
  for (const [name, { type, why, always }] of Object.entries(IDLE_OPTIONS)) {
    const entry = draft.given.get(name);
    if (entry === undefined || (always !== null && type.parse(entry.value) === type.parse(always))) continue;
    findings.warn(entry, `no effect: ${why}`);
  }
}

/** What was said in vain about a listener of the API. */
function warnOfApi(draft: Draft, { tls }: ListenerConfig, findings: Findings): void {
  const rate = draft.given.get('rate_limit');
  if (rate !== undefined && rate.value !== '')
    findings.warn(rate, 'no effect: the API has no limit of bytes');
  if (tls !== null) return;
  for (const [option, entry] of draft.given)
    if (Object.hasOwn(TLS_OPTIONS, option) || option.startsWith('sni.'))
      findings.warn(entry, `no effect without ${draft.prefix}.certfile and .keyfile`);
}
