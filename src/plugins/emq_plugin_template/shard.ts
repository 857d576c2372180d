/** Logs every hook at debug, and has no opinion. Runs on the shard's thread. */
import type { CreateShardPart } from '../api.js';

const createShardPart: CreateShardPart = ({ log }) => ({
  hooks: {
    'client.authenticate': ({ clientId, username }) => {
      log.debug('client.authenticate', { clientId, username });
      return 'ignore';
    },
    'client.authorize': ({ client, action, topic }) => {
      log.debug('client.authorize', { clientId: client.clientId, action, topic });
      return 'ignore';
    },
    'client.connected': ({ clientId }, reason) => log.debug('client.connected', { clientId, reason }),
    'client.disconnected': ({ clientId }, reason) => log.debug('client.disconnected', { clientId, reason }),
    'client.subscribe': ({ clientId }, filters) => {
      log.debug('client.subscribe', { clientId, filters: filters.map(({ filter }) => filter).join(' ') });
      return undefined;
    },
    'client.unsubscribe': ({ clientId }, filters) => {
      log.debug('client.unsubscribe', { clientId, filters: filters.join(' ') });
      return undefined;
    },
    'session.created': ({ clientId }) => log.debug('session.created', { clientId }),
    'session.subscribed': ({ clientId }, { filter, qos }) =>
      log.debug('session.subscribed', { clientId, filter, qos }),
    'session.unsubscribed': ({ clientId }, filter) => log.debug('session.unsubscribed', { clientId, filter }),
    'session.terminated': (clientId, reason) => log.debug('session.terminated', { clientId, reason }),
    'message.publish': ({ clientId, topic, qos }) => {
      if (!topic.startsWith('$SYS/')) log.debug('message.publish', { clientId, topic, qos });
      return undefined;
    },
    'message.delivered': (clientId, { topic }) => log.debug('message.delivered', { clientId, topic }),
    'message.acked': (clientId, { topic }) => log.debug('message.acked', { clientId, topic }),
    'message.dropped': (clientId, topic, reason) => log.debug('message.dropped', { clientId, topic, reason }),
  },
});

export default createShardPart;
