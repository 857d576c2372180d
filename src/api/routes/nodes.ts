/** `management/nodes`: which nodes there are. Main thread. */
import { emqNode, NAMED_NODE_SCHEMA, NODE_SCHEMA } from '../emq/node.js';
import { endpoint } from '../endpoint.js';
import { listOf } from '../schema.js';

export const nodeEndpoints = [
  endpoint({
    method: 'GET',
    path: 'management/nodes',
    about: 'All nodes.',
    answer: listOf(NAMED_NODE_SCHEMA),
    handle: ({ broker: { node } }) => [{ name: node.name, ...emqNode(node) }],
  }),
  endpoint({
    method: 'GET',
    path: 'management/nodes/{node}',
    about: 'One node.',
    answer: NODE_SCHEMA,
    handle: ({ broker: { node } }) => emqNode(node),
  }),
];
