/** What is done to clients and their sessions. Main thread. */
import { ApiError } from '../api-error.js';
import { endpoint } from '../endpoint.js';
import { string } from '../fields.js';
import { NOTHING } from '../schema.js';

export const clientActionEndpoints = [
  endpoint({
    method: 'DELETE',
    path: 'clients/{client_id}',
    about: 'Ends the connection of a client. It may connect again at once; a persistent session stays.',
    answer: NOTHING,
    codes: [112],
    handle: async ({ broker: { actions }, path }) => {
      if (!(await actions.kick(path['client_id']!))) throw new ApiError(112);
    },
  }),
  endpoint({
    method: 'PUT',
    path: 'clients/{client_id}/clean_acl_cache',
    isExact: true,
    about: 'Forgets whether a connected client may publish to a topic, so that it is decided anew.',
    fields: { topic: string('name exactly as the client publishes to it') },
    answer: NOTHING,
    codes: [112],
    example: { topic: 'demo/hello' },
    handle: async ({ broker: { actions }, path, params }) => {
      if (!(await actions.forgetDecision(path['client_id']!, params.topic))) throw new ApiError(112);
    },
  }),
];
