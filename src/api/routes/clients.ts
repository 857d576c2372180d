/** `clients`: who is connected. Main thread. */
import type { Listings } from '../broker-port.js';
import { CLIENT_SCHEMA, emqClient } from '../emq/lists.js';
import { endpoint } from '../endpoint.js';
import { answerObjects, answerPage, objectsSchema, PAGE_FIELDS, pageSchema } from '../paging.js';

const ONE = objectsSchema(CLIENT_SCHEMA);

function answerOne(listings: Listings, clientId: string): Promise<object> {
  return answerObjects(async () => {
    const row = await listings.client(clientId);
    return row === null ? [] : [row];
  }, emqClient);
}

export const clientEndpoints = [
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/clients',
    about: 'Connected clients of a node, by ClientId.',
    fields: PAGE_FIELDS,
    answer: pageSchema(CLIENT_SCHEMA),
    handle: ({ broker: { listings }, params }) =>
      answerPage(params, (page) => listings.clients(page), emqClient),
  }),
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/clients/{client_id}',
    about: 'One connected client of a node.',
    answer: ONE,
    handle: ({ broker: { listings }, path }) => answerOne(listings, path['client_id']!),
  }),
  endpoint({
    method: 'GET',
    path: 'clients/{client_id}',
    about: 'One connected client, on whatever node.',
    answer: ONE,
    handle: ({ broker: { listings }, path }) => answerOne(listings, path['client_id']!),
  }),
];
