/** Listeners as users of the library see them. Main thread. */
import type { OpenListener } from '../broker-api.js';
import type { ListenerFigures } from './listener-figures.js';

/** @param listener one that is open, whether for MQTT or the API */
export function openListener(listener: {
  readonly figures: ListenerFigures;
  readonly port: number;
  readonly url?: string;
}): OpenListener {
  const { figures, port, url = null } = listener;
  const { name, type, host, path, webSocket, proxy } = figures.config;
  return {
    name,
    protocol: type,
    host,
    port,
    path,
    webSocketPath: webSocket?.path ?? null,
    url,
    isProxied: proxy !== null,
  };
}
