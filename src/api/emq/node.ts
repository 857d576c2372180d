/** What the broker says, in EMQ's words: keys, their order, units and texts. Nowhere else. Main thread. */

import { DESCRIPTION } from '../../sys/sys-publisher.js';
import { dateTimeText, uptimeText } from '../../sys/time-text.js';
import type { NodePort } from '../broker-port.js';
import { objectOf, type Schema, text } from '../schema.js';

/** EMQ's shape of it: `R20/9.3.3`. */
export const RELEASE = `R${process.versions.node.split('.', 1)[0]}/${process.versions.v8}`;

const NODE = {
  version: text('of the broker', '0.1.0'),
  sysdescr: text('what it is', DESCRIPTION),
  uptime: text('since start', '3 minutes, 32 seconds'),
  datetime: text('local time', '2026-11-23 07:37:26'),
  otp_release: text('of Node.js and V8, where EMQ has Erlang', RELEASE),
  node_status: text('always the same', 'Running'),
};
export const NODE_SCHEMA: Schema = objectOf(NODE);
export const NAMED_NODE_SCHEMA: Schema = objectOf({
  name: text('of the node', 'shardmq@127.0.0.1'),
  ...NODE,
});

export function emqNode(node: NodePort): Record<string, string> {
  return {
    version: node.version,
    sysdescr: DESCRIPTION,
    uptime: uptimeText(node.uptimeMs()),
    datetime: dateTimeText(node.nowMs()),
    otp_release: RELEASE,
    node_status: 'Running',
  };
}
