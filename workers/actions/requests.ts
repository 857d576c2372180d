/** Main's requests in the name of clients and for traces, and who carries them out. Runs on the shard's thread. */
import type { ShardRequestHandlers } from '../../src/actor/port-server.js';
import type { SubscribeFlow } from '../connection/subscribe-flow.js';
import type { Core } from '../core.js';
import { Tracer } from '../tracing/tracer.js';
import { ApiPublishing } from './api-publishing.js';
import { ClientDesk } from './client-desk.js';

type Actions =
  | 'session.kick'
  | 'session.remove'
  | 'session.forgetDecision'
  | 'session.subscribe'
  | 'session.unsubscribe'
  | 'messages.publish'
  | 'trace.start'
  | 'trace.take'
  | 'trace.stop';

export function actionRequests(core: Core, subscribes: SubscribeFlow): Pick<ShardRequestHandlers, Actions> {
  const desk = new ClientDesk(core, subscribes);
  const publishing = new ApiPublishing(core, core.publisher.review);
  const tracer = new Tracer(core);
  return {
    'session.kick': async ({ clientId }) => ({ kicked: await desk.kick(clientId) }),
    'session.remove': async ({ clientId }) => ({ removed: await desk.remove(clientId) }),
    'session.forgetDecision': ({ clientId, topic }) => ({
      isConnected: desk.forgetDecision(clientId, topic),
    }),
    'session.subscribe': ({ clientId, filter, qos }) => desk.subscribe(clientId, filter, qos),
    'session.unsubscribe': ({ clientId, filter }) => desk.unsubscribe(clientId, filter),
    'messages.publish': ({ clientId, messages }) => publishing.publish(clientId, messages),
    'trace.start': ({ id, subject }) => tracer.start(id, subject),
    'trace.take': ({ id }) => tracer.take(id),
    'trace.stop': ({ id }) => tracer.stop(id),
  };
}
