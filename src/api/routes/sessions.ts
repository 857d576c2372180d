/** `sessions`: sessions, those of absent clients included. Main thread. */
import { emqSession, SESSION_SCHEMA } from '../emq/lists.js';
import { listFamily, listOfOne } from './list-family.js';

export const sessionEndpoints = listFamily({
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
});
