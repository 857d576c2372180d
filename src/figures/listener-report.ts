/** A listener as reports show it. Main thread. */
import type { ListenerReport } from '../api/broker-port.js';
import { formatAddress } from '../config/listener-address.js';
import type { ListenerFigures } from '../supervisor/listener-figures.js';

/** A listener of MQTT or of the API. */
export interface ReportedListener {
  readonly figures: ListenerFigures;
  /** The real one where the configuration says 0. */
  readonly port: number;
}

/** Said goodbye: not counted, as in EMQ. */
const ORDERLY_END = 'normal';

export function listenerReport({ figures, port }: ReportedListener): ListenerReport {
  const { type, name, host, path, acceptors, maxClients, isPortOnly } = figures.config;
  const { [ORDERLY_END]: _, ...shutdownCount } = figures.shutdownCount();
  return {
    type,
    name,
    listen: isPortOnly ? `${port}` : formatAddress({ host, port, path }),
    acceptors,
    maxClients,
    currentClients: figures.current,
    accepted: figures.accepted,
    shutdownCount,
  };
}
