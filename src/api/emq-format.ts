/** What the broker says, in EMQ's words: keys, their order, units and texts. Nowhere else. Main thread. */

import { DESCRIPTION } from '../sys/sys-publisher.js';
import { dateTimeText, uptimeText } from '../sys/time-text.js';
import type { NodePort } from './broker-port.js';
import { objectOf, type Schema, text } from './schema.js';

const NODE = {
  version: text('of the broker'),
  sysdescr: text('what it is'),
  uptime: text('such as `3 minutes, 32 seconds`'),
  datetime: text('local time'),
  otp_release: text('of Node.js and V8, where EMQ has Erlang'),
  node_status: text('`Running`'),
};
export const NODE_SCHEMA: Schema = objectOf(NODE);
export const NAMED_NODE_SCHEMA: Schema = objectOf({ name: text('of the node'), ...NODE });

/** EMQ's shape of it: `R20/9.3.3`. */
export const RELEASE = `R${process.versions.node.split('.', 1)[0]}/${process.versions.v8}`;

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
