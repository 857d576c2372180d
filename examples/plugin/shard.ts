/** The doorbell's part in each shard, where clients are. */
import type { CreateShardPart } from 'shardmq';

const createShardPart: CreateShardPart = ({ state, tell, log }) => {
  const unwelcome = new Set(state as string[]);
  return {
    hooks: {
      // 0x87: not authorised. All others are up to the next plugin.
      'client.authenticate': ({ clientId }) =>
        unwelcome.has(clientId) ? { allow: false, reason: 0x87 } : 'ignore',
      'client.connected': ({ clientId }, reason) => {
        if (reason === 0) tell(clientId);
        else log.debug('kept out', { clientId, reason });
      },
    },
  };
};

export default createShardPart;
