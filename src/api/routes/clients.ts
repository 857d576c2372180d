/** `clients`: who is connected. Main thread. */
import { CLIENT_SCHEMA, emqClient } from '../emq/lists.js';
import { listFamily, listOfOne } from './list-family.js';

export const clientEndpoints = listFamily({
  noun: 'clients',
  row: CLIENT_SCHEMA,
  about: {
    page: 'Connected clients of a node, by ClientId.',
    ofNode: 'One connected client of a node.',
    anywhere: 'One connected client, on whatever node.',
  },
  page: (listings, page) => listings.clients(page),
  find: async (listings, clientId) => listOfOne(await listings.client(clientId)),
  format: emqClient,
});
