/**
 * Tells who comes and goes on `$SYS/brokers/NODE/clients/CLIENTID/connected` and `disconnected`, in EMQ's words. Runs on
 * the shard's thread.
 */
import { SystemClock } from '../../base/clock.js';
import type { ShardContext, ShardHooks } from '../api.js';

/** EMQ's word for what is not set. */
const UNSET = 'undefined';

export function presenceHooks(context: ShardContext, qos: 0 | 1 | 2): ShardHooks {
  const clock = new SystemClock();
  const prefix = `$SYS/brokers/${context.node}/clients/`;
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  const say = (topic: string, body: Record<string, string | number | boolean>): void => {
    try {
      context.publish(topic, JSON.stringify(body), { qos });
    } catch (error) {
      // A ClientId may hold what no topic name may.
      context.log.debug(`no presence of a client: ${(error as Error).message}`);
    }
  };
  return {
    /** Also for clients that are refused: `connack` says so. */
    'client.connected': (client, reason) => {
      if (client.clientId === '') return;
      const topic = `${prefix}${client.clientId}/connected`;
      if (!context.isWanted(topic)) return;
      say(topic, {
        clientid: client.clientId,
        username: client.username ?? UNSET,
        ipaddress: client.peerAddress,
        clean_sess: client.cleanStart,
        protocol: client.protocolVersion,
        connack: reason,
        ts: seconds(client.connectedAtMs),
      });
    },
    'client.disconnected': (client, reason) => {
      if (client.clientId === '') return;
      const topic = `${prefix}${client.clientId}/disconnected`;
      if (!context.isWanted(topic)) return;
      say(topic, {
        clientid: client.clientId,
        username: client.username ?? UNSET,
        reason,
        ts: seconds(clock.wallMs()),
      });
    },
  };
}
