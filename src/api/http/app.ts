/** The Koa application: every request passes these, in this order. Main thread. */
import Koa, { type Context, type Next } from 'koa';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { BrokerPort } from '../broker-port.js';
import type { Endpoint } from '../endpoint.js';
import { shapeAnswers } from './answers.js';
import { keepPublicPasswordHere, refuseForeignPages } from './browsers.js';
import { Gates } from './gates.js';
import { dropLeftover } from './leftover-body.js';
import { mount } from './mount.js';
import { openPaths } from './open-paths.js';
import { requestLog } from './request-log.js';

export interface AppParts {
  readonly broker: BrokerPort;
  readonly endpoints: readonly Endpoint[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createApp({ broker, endpoints, clock, logger }: AppParts): Koa {
  const app = new Koa();
  // Errors of connections that broke off; those of requests are logged where they are answered.
  app.silent = true;
  const isOpen = ({ isOpen = false }: Endpoint): boolean => isOpen;
  const isClosed = (each: Endpoint): boolean => !isOpen(each);
  app.use(requestLog(logger, clock));
  app.use(dropLeftover);
  app.use(shapeAnswers(logger));
  app.use(openPaths(broker.node, endpoints));
  app.use(refuseForeignPages);
  app.use(mount(endpoints.filter(isOpen), broker).routes());
  app.use(new Gates(broker.users, clock).pass);
  app.use(keepPublicPasswordHere(broker.users));
  app.use(onlyKnownMethods);
  app.use(mount(endpoints.filter(isClosed), broker).routes());
  return app;
}

/** The router would answer HEAD where there is a GET; EMQ does not. */
function onlyKnownMethods({ method }: Context, next: Next): Promise<unknown> | undefined {
  return method === 'HEAD' ? undefined : next();
}
