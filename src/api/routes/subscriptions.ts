/** `subscriptions`: who subscribes to what, absent clients included. Main thread. */
import { emqSubscription, SUBSCRIPTION_SCHEMA } from '../emq/lists.js';
import { listFamily } from './list-family.js';

export const subscriptionEndpoints = listFamily({
  noun: 'subscriptions',
  row: SUBSCRIPTION_SCHEMA,
  about: {
    page: 'Subscriptions of a node, by ClientId, then by filter.',
    ofNode: 'Subscriptions of one client on a node.',
    anywhere: 'Subscriptions of one client, on whatever node.',
  },
  page: (listings, page) => listings.subscriptions(page),
  find: (listings, clientId) => listings.subscriptionsOf(clientId),
  format: emqSubscription,
});
