/** What tests of `mqtt/...` have in common. */
import type { AskApi } from '../helpers/api.js';
import type { RecordingLogger } from '../helpers/with-broker.js';

export const DONE = '{"code":0,"result":[]}';
export const MISSING = '{"code":107,"message":"params error"}';
export const WRONG = '{"code":108,"message":"params type error"}';
export const NODE_DOWN = '{"code":101,"message":"nodedown"}';

const poster =
  (what: string) =>
  async (ask: AskApi, body: unknown): Promise<string> =>
    (await ask(`POST mqtt/${what}`, { body })).text;

export const publish = poster('publish');
export const subscribe = poster('subscribe');
export const unsubscribe = poster('unsubscribe');

/** Says what it sees, and has an opinion about some topics. */
export const TALKER = `return { hooks: {
  'message.publish': (message) => {
    if (!message.topic.startsWith('p/')) return undefined;
    context.log.info('publish ' + message.topic + ' ' + message.clientId + ' ' + message.username);
    if (message.topic === 'p/drop') return null;
    if (message.topic === 'p/other') return { ...message, topic: 'o/other' };
    if (message.topic === 'p/slow') return new Promise((resolve) => setTimeout(() => resolve(undefined), 50));
    return undefined;
  },
  'message.delivered': (clientId, { topic, clientId: from }) =>
    context.log.info('delivered ' + topic + ' ' + clientId + ' ' + from),
  'client.authorize': ({ action }) => action === 'subscribe' ? 'deny' : 'ignore',
  'client.subscribe': () => context.log.info('asked about a filter'),
  'client.unsubscribe': () => context.log.info('asked about a filter'),
  'session.subscribed': ({ clientId }, { filter, qos }) =>
    context.log.info('subscribed ' + clientId + ' ' + filter + ' ' + qos),
  'session.unsubscribed': ({ clientId }, filter) => context.log.info('unsubscribed ' + clientId + ' ' + filter),
} };`;

export function said(logger: RecordingLogger, about: RegExp): string[] {
  return logger.lines.flatMap(({ message }) => {
    const found = /^rogue: (.*)$/.exec(message)?.[1] ?? '';
    return about.test(found) ? [found] : [];
  });
}
