/** `subscriptions`: who subscribes to what, absent clients included. Main thread. */
import type { Listings } from '../broker-port.js';
import { emqSubscription, SUBSCRIPTION_SCHEMA } from '../emq/lists.js';
import { endpoint } from '../endpoint.js';
import { answerObjects, answerPage, objectsSchema, PAGE_FIELDS, pageSchema } from '../paging.js';

const ALL = objectsSchema(SUBSCRIPTION_SCHEMA);

function answerAll(listings: Listings, clientId: string): Promise<object> {
  return answerObjects(() => listings.subscriptionsOf(clientId), emqSubscription);
}

export const subscriptionEndpoints = [
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/subscriptions',
    about: 'Subscriptions of a node, by ClientId, then by filter.',
    fields: PAGE_FIELDS,
    answer: pageSchema(SUBSCRIPTION_SCHEMA),
    handle: ({ broker: { listings }, params }) =>
      answerPage(params, (page) => listings.subscriptions(page), emqSubscription),
  }),
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/subscriptions/{client_id}',
    about: 'Subscriptions of one client on a node.',
    answer: ALL,
    handle: ({ broker: { listings }, path }) => answerAll(listings, path['client_id']!),
  }),
  endpoint({
    method: 'GET',
    path: 'subscriptions/{client_id}',
    about: 'Subscriptions of one client, on whatever node.',
    answer: ALL,
    handle: ({ broker: { listings }, path }) => answerAll(listings, path['client_id']!),
  }),
];
