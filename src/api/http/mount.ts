/** Puts endpoints into a router: path, parameters, answer. Main thread. */

import type { Middleware } from 'koa';
import Router from 'koa-router';
import { normalAddress } from '../../base/access.js';
import { nodeDown } from '../api-error.js';
import type { BrokerPort } from '../broker-port.js';
import type { Endpoint } from '../endpoint.js';
import { readFields } from '../fields.js';
import { RawAnswer } from '../raw-answer.js';
import { type PathPattern, pathPattern, readPath } from './path-pattern.js';
import { readJsonObject } from './read-body.js';

const VERBS = { GET: 'get', POST: 'post', PUT: 'put', DELETE: 'delete' } as const;

/** @returns a router of these endpoints */
export function mount(endpoints: readonly Endpoint[], broker: BrokerPort): Router {
  const router = new Router();
  for (const each of endpoints) {
    const pattern = pathPattern(each.path, each.isExact);
    router[VERBS[each.method]](pattern.regexp, handlerOf(each, pattern, broker));
  }
  return router;
}

function handlerOf(each: Endpoint, pattern: PathPattern, broker: BrokerPort): Middleware {
  return async (context) => {
    const path = readPath(pattern, context['captures'] as string[]);
    // The body first: EMQ says that it is no JSON before it looks at anything else.
    const body = each.method === 'GET' ? {} : await readJsonObject(context.req);
    if (path['node'] !== undefined && path['node'] !== broker.node.name) throw nodeDown();
    const given = each.method === 'GET' ? context.query : body;
    const params = readFields(each.fields ?? {}, given);
    const address = normalAddress(context.req.socket.remoteAddress ?? '');
    const result = (await each.handle({ broker, path, params, body, address })) ?? [];
    context.state['answer'] = result instanceof RawAnswer ? result : { code: 0, result };
  };
}
