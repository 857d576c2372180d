/**
 * The probe's part in a shard. A client that publishes to `probe/ask/WORD` gets an answer in `probe/answer/WORD`, from
 * the shard that owns it.
 */
import type { CreateShardPart, RetainedLimits, ShardHooks } from '../../../src/plugins/api.js';

const createShardPart: CreateShardPart = async (context) => {
  const { values, state, shard, shards, log, tell, publish, subscribe, unsubscribe } = context;
  const does = values.get('probe.shard');
  if (does === 'throws' || (does === 'one-throws' && shard === shards - 1)) {
    throw new Error('the shard part does not want to');
  }
  if (does === 'hangs') await new Promise(() => undefined);
  if (does === 'ends' && shard === shards - 1) process.exit(1);
  if (does === 'wrong-hook') return { hooks: { 'client.autenticate': () => 'ignore' } as ShardHooks };
  if (does === 'wrong-limits') return { retained: { messagesMax: 1 } as RetainedLimits };
  let greeting: unknown = null;
  const answers: Record<string, (clientId: string) => string | undefined> = {
    word: () => String(values.get('probe.word')),
    state: () => JSON.stringify(state),
    shard: () => String(shard),
    greeting: () => JSON.stringify(greeting),
    ping: () => void tell('ping'),
    throw: () => void tell('throw'),
    subscribe: (clientId) => void subscribe(clientId, 'probe/own', 1),
    unsubscribe: (clientId) => void unsubscribe(clientId, 'probe/own'),
    unclonable: () => String(tell(() => undefined)),
    flood: () => {
      let told = 0;
      while (told < 1_000_000 && tell('count')) told++;
      return String(told);
    },
    counted: () => void tell('counted'),
    log: () => {
      for (let line = 0; line < 10_000; line++) log.info('a line');
      return 'done';
    },
  };
  return {
    hooks: {
      'message.publish': ({ topic, clientId }) => {
        const word = /^probe\/ask\/(.*)$/.exec(topic)?.[1];
        const answer = word === undefined ? undefined : answers[word]?.(clientId ?? '');
        if (answer !== undefined) publish(`probe/answer/${word}`, answer);
        return undefined;
      },
    },
    onMessage(data) {
      if (data === 'pong') publish('probe/answer/ping', 'pong');
      else greeting = data;
    },
    stop() {
      if (does === 'stop-throws') throw new Error('it will not stop');
    },
  };
};

export default createShardPart;
