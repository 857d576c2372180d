/** Tells its main part what is delivered and acknowledged: `WHAT TOPIC QOS: FROM/USER to CLIENT`. */
import type { CreateShardPart, HookMessage } from '../../../src/plugins/api.js';

const createShardPart: CreateShardPart = ({ tell }) => {
  const telling =
    (what: string) =>
    (to: string, { topic, qos, clientId, username }: HookMessage): void =>
      void tell(`${what} ${topic} ${qos}: ${clientId}/${username} to ${to}`);
  return { hooks: { 'message.delivered': telling('delivered'), 'message.acked': telling('acked') } };
};

export default createShardPart;
