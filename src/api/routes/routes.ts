/** `routes`: which topic filters have subscriptions, and where. Main thread. */
import { emqRoute, ROUTE_SCHEMA } from '../emq/lists.js';
import { endpoint } from '../endpoint.js';
import { answerObjects, answerPage, objectsSchema, PAGE_FIELDS, pageSchema } from '../paging.js';

export const routeEndpoints = [
  endpoint({
    method: 'GET',
    path: 'routes',
    isExact: true,
    about: 'All topic filters with subscriptions, in order.',
    fields: PAGE_FIELDS,
    answer: pageSchema(ROUTE_SCHEMA),
    handle: ({ broker: { listings, node }, params }) =>
      answerPage(
        params,
        (page) => listings.routes(page),
        (row) => emqRoute(row, node.name),
      ),
  }),
  endpoint({
    method: 'GET',
    path: 'routes/{topic}',
    about: 'Exactly this topic filter, if it has subscriptions; filters that match it are others.',
    answer: objectsSchema(ROUTE_SCHEMA),
    handle: ({ broker: { listings, node }, path }) =>
      answerObjects(
        () => listings.route(path['topic']!),
        (row) => emqRoute(row, node.name),
      ),
  }),
];
