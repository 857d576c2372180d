/** `sessions`: sessions, those of absent clients included. Main thread. */
import { ApiError } from '../api-error.js';
import { emqSession, SESSION_SCHEMA } from '../emq/lists.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { NOTHING } from '../schema.js';
import { listFamily, listOfOne } from './list-family.js';

const remove = (path: string, about: string): Endpoint =>
  endpoint({
    method: 'DELETE',
    path,
    about,
    answer: NOTHING,
    codes: [112],
    handle: async ({ broker: { actions }, path: { client_id: clientId } }) => {
      if (!(await actions.removeSession(clientId!)))
        throw new ApiError(112, `Clientid: ${clientId} not found`);
    },
  });

export const sessionEndpoints = [
  ...listFamily({
    noun: 'sessions',
    row: SESSION_SCHEMA,
    about: {
      page: 'Sessions of a node, by ClientId.',
      ofNode: 'The session of one client on a node.',
      anywhere: 'The session of one client, on whatever node.',
    },
    page: (listings, page) => listings.sessions(page),
    find: async (listings, clientId) => listOfOne(await listings.session(clientId)),
    format: emqSession,
  }),
  remove('nodes/{node}/sessions/{client_id}', 'Ends the session of one client on a node.'),
  remove(
    'sessions/{client_id}',
    'Ends a session for good, and the connection of its client if it has one. Answered when that is safe.',
  ),
];
