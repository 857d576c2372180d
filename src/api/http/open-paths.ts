/** What may be asked without a name: is the broker there, may clients come, and what is there to ask. Main thread. */
import type { Context, Next } from 'koa';
import type { NodePort } from '../broker-port.js';
import type { Endpoint } from '../endpoint.js';

type Answer = (context: Context) => void;

/** Answers GET and HEAD of exactly these paths, and leaves all else to the next. */
export function openPaths(node: NodePort, endpoints: readonly Endpoint[]) {
  const paths = { paths: [...new Set(endpoints.map(({ path }) => path.replace(/^(?!\/)/, 'api/v2/')))] };
  const answers = new Map<string, Answer>([
    ['/', (context) => say(context, 200, 'application/json', JSON.stringify(paths))],
    ['/status', (context) => sayText(context, 200, `Node ${node.name} is started\nemqttd is running`)],
    ['/healthz', (context) => sayText(context, 200, 'ok\n')],
    [
      '/readyz',
      (context) => (node.isReady() ? sayText(context, 200, 'ready\n') : sayText(context, 503, 'not ready\n')),
    ],
  ]);
  return (context: Context, next: Next): Promise<unknown> | undefined => {
    const answer = answers.get(context.path);
    if (answer === undefined || (context.method !== 'GET' && context.method !== 'HEAD')) return next();
    answer(context);
    return undefined;
  };
}

const sayText = (context: Context, status: number, text: string): void =>
  say(context, status, 'text/plain', text);

function say(context: Context, status: number, type: string, text: string): void {
  context.status = status;
  context.set('Content-Type', type);
  context.body = Buffer.from(text);
}
