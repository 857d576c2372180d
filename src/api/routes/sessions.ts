/** `sessions`: sessions, those of absent clients included. Main thread. */
import type { Listings } from '../broker-port.js';
import { emqSession, SESSION_SCHEMA } from '../emq/lists.js';
import { endpoint } from '../endpoint.js';
import { answerObjects, answerPage, objectsSchema, PAGE_FIELDS, pageSchema } from '../paging.js';

const ONE = objectsSchema(SESSION_SCHEMA);

function answerOne(listings: Listings, clientId: string): Promise<object> {
  return answerObjects(async () => {
    const row = await listings.session(clientId);
    return row === null ? [] : [row];
  }, emqSession);
}

export const sessionEndpoints = [
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/sessions',
    about: 'Sessions of a node, by ClientId.',
    fields: PAGE_FIELDS,
    answer: pageSchema(SESSION_SCHEMA),
    handle: ({ broker: { listings }, params }) =>
      answerPage(params, (page) => listings.sessions(page), emqSession),
  }),
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/sessions/{client_id}',
    about: 'The session of one client on a node.',
    answer: ONE,
    handle: ({ broker: { listings }, path }) => answerOne(listings, path['client_id']!),
  }),
  endpoint({
    method: 'GET',
    path: 'sessions/{client_id}',
    about: 'The session of one client, on whatever node.',
    answer: ONE,
    handle: ({ broker: { listings }, path }) => answerOne(listings, path['client_id']!),
  }),
];
