/** The Koa application: who asks, what is asked, how answers look. Main thread. */
import Koa, { type Context, type Next } from 'koa';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { ApiError, nodeDown } from './api-error.js';
import type { BrokerPort } from './broker-port.js';
import { ENDPOINTS } from './endpoints.js';
import { mount } from './mount.js';

export function createApp(broker: BrokerPort, logger: Logger): Koa {
  const app = new Koa();
  app.use(shapeAnswers(logger));
  app.use(mount(ENDPOINTS, broker).routes());
  return app;
}

function shapeAnswers(logger: Logger) {
  return async (context: Context, next: Next): Promise<void> => {
    let answer: unknown;
    try {
      await next();
      answer = context['answer'];
      if (answer === undefined) return;
    } catch (error) {
      const { code, message } = asApiError(error, logger);
      answer = message === '' ? { code } : { code, message };
    }
    context.status = 200;
    context.set('Content-Type', 'application/json');
    context.body = Buffer.from(JSON.stringify(answer));
  };
}

/** @throws what is no matter of the answer's shape: an HTTP error */
function asApiError(error: unknown, logger: Logger): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof BrokerError && error.code === 'SHARD_UNAVAILABLE') return nodeDown();
  if (error instanceof Error && 'expose' in error) throw error;
  logger.error(`a request to the API failed: ${error instanceof Error ? error.stack : String(error)}`);
  return new ApiError(102);
}
