/** `mqtt/...`: publishes, and subscribes sessions. Main thread. */
import type { PublishOutcome, SubscribeOutcome } from '../../actor/action-protocol.js';
import { ApiError } from '../api-error.js';
import { endpoint } from '../endpoint.js';
import { integer, optional, string } from '../fields.js';
import { MESSAGE_FIELDS, messageOf, messagesField, originField } from '../message-fields.js';
import { NOTHING } from '../schema.js';

const CLIENT_ID = string('whose session; the client may be absent');
const FILTER = string('filter, with `$share/group/`, `$queue/` or `$local/` in front where wanted');

export const mqttEndpoints = [
  endpoint({
    method: 'POST',
    path: 'mqtt/publish',
    isExact: true,
    about:
      'Publishes, through plugins and with retaining. Answered when it is as safe as an acknowledged message.',
    fields: {
      ...MESSAGE_FIELDS,
      client_id: originField('who is said to have published; need not be a client'),
      messages: messagesField,
    },
    answer: NOTHING,
    example: { topic: 'demo/hello', payload: 'hello', qos: 1, retain: false, client_id: 'http' },
    handle: async ({ broker: { actions }, params: { client_id, messages, ...first } }) => {
      const all = [first, ...messages].map(messageOf);
      const outcome = await actions.publish(client_id, all);
      refusePublish(outcome, (at) => all[at]!.topic);
    },
  }),
  endpoint({
    method: 'POST',
    path: 'mqtt/subscribe',
    isExact: true,
    about: 'Subscribes a session, without asking whether its client may. Answered when the whole node knows.',
    fields: {
      client_id: CLIENT_ID,
      topic: FILTER,
      qos: optional(integer('highest quality of service of what it gets', 0, 2), 0),
    },
    answer: NOTHING,
    example: { client_id: 'meter-1', topic: 'demo/+', qos: 1 },
    codes: [112],
    handle: async ({ broker: { actions }, params: { client_id, topic, qos } }) =>
      refuseSubscribe(await actions.subscribe(client_id, topic, qos as 0 | 1 | 2), client_id, topic),
  }),
  endpoint({
    method: 'POST',
    path: 'mqtt/unsubscribe',
    isExact: true,
    about: 'Ends a subscription of a session, if there is such a one.',
    fields: { client_id: CLIENT_ID, topic: FILTER },
    answer: NOTHING,
    example: { client_id: 'meter-1', topic: 'demo/+' },
    codes: [112],
    handle: async ({ broker: { actions }, params: { client_id, topic } }) =>
      refuseSubscribe(await actions.unsubscribe(client_id, topic), client_id, topic),
  }),
];

/** @throws ApiError for whatever was not done */
function refusePublish(outcome: PublishOutcome, topicOf: (at: number) => string): void {
  switch (outcome.why) {
    case 'done':
      return;
    case 'not_a_topic':
      throw notATopic(topicOf(outcome.at));
    case 'too_large':
      throw new ApiError(102, `message to ${topicOf(outcome.at)} is larger than mqtt.max_packet_size`);
    case 'busy':
      throw new ApiError(102, 'too many messages are waiting');
    case 'store_failed':
      throw new ApiError(102, 'the message could not be stored');
    case 'too_late':
      throw new ApiError(102, 'the message waited too long for a plugin or a busy shard');
  }
}

function refuseSubscribe(outcome: SubscribeOutcome, clientId: string, topic: string): void {
  switch (outcome) {
    case 'done':
      return;
    case 'not_a_filter':
      throw notATopic(topic);
    case 'no_session':
      throw new ApiError(112, `Clientid: ${clientId} not found`);
    case 'too_many':
      throw new ApiError(102, `Clientid: ${clientId} has too many subscriptions`);
  }
}

/** In EMQ's words, for filters too. */
const notATopic = (topic: string): ApiError => new ApiError(102, `validate topic: ${topic} fail`);
