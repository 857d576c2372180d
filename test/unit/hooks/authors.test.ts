/** Who published what plugins are told of: it stays with a message for as long as that waits. */
import test, { type ExecutionContext } from 'ava';
import type { HookMessage, ShardHooks } from '../../../src/plugins/api.js';
import { createMessage } from '../../../src/protocol/message.js';
import * as packets from '../../helpers/packets.js';
import { settle, type TestClient, TestShard } from '../../helpers/test-shard.js';

async function stageFor(
  t: ExecutionContext,
  hooks: ShardHooks,
): Promise<{ shard: TestShard; publisher: TestClient }> {
  const shard = new TestShard({ hooks });
  t.teardown(() => shard.stop());
  shard.open('watcher').subscribe(1, ['#', 2]);
  const publisher = shard.open('publisher', { username: 'u' });
  await settle();
  return { shard, publisher };
}

/** Hooks that note `delivered TOPIC QOS to CLIENT from CLIENT/USER`, and the same with `acked`. */
function authorsIn(told: string[]): ShardHooks {
  const note =
    (what: string) =>
    (to: string, { topic, qos, clientId, username }: HookMessage): void => {
      told.push(`${what} ${topic} ${qos} to ${to} from ${clientId}/${username}`);
    };
  return { 'message.delivered': note('delivered'), 'message.acked': note('acked') };
}

const STAYS = { clean: false, properties: { sessionExpiry: 60 } } as const;

test('delivered and acked say who published, however long the message has waited and how often it was sent', async (t) => {
  const told: string[] = [];
  const { shard, publisher } = await stageFor(t, authorsIn(told));
  shard.open('anonymous').publish({ topic: 'a', payload: 'm' });
  t.deepEqual(told.splice(0), ['delivered a 0 to watcher from anonymous/null']);
  const away = shard.open('away', STAYS);
  away.subscribe(1, ['q/#', 2]);
  await settle();
  away.drop();
  await settle();
  for (const qos of [1, 2]) publisher.publish({ topic: `q/${qos}`, payload: 'm', qos, id: qos });
  await settle();
  publisher.drop();
  told.length = 0;
  for (let time = 0; time < 2; time++) {
    const back = shard.open('away', STAYS);
    await settle();
    t.deepEqual(told.splice(0), [
      'delivered q/1 1 to away from publisher/u',
      'delivered q/2 2 to away from publisher/u',
    ]);
    if (time === 0) back.drop();
    else back.send(packets.ack('puback', 1), packets.ack('pubrec', 2));
    await settle();
  }
  t.deepEqual(told, ['acked q/1 1 to away from publisher/u', 'acked q/2 2 to away from publisher/u']);
});

test('a will and a retained message are of their client, what the broker publishes is of nobody', async (t) => {
  const told: string[] = [];
  const { shard, publisher } = await stageFor(t, authorsIn(told));
  publisher.publish({ topic: 'kept', payload: 'm', retain: true });
  const own = { topic: 'own', payload: Buffer.from('m'), qos: 1, retain: false, receivedAtMs: 1 };
  shard.parts.publisher.publishOwn(createMessage(own));
  shard.open('w', { username: 'n', will: { topic: 'will', payload: 'gone' } }).drop();
  const late = {
    ...STAYS,
    username: 'n',
    will: { topic: 'late', payload: '', properties: { willDelay: 5 } },
  };
  shard.open('d', late).drop();
  await shard.advance(6_000);
  t.deepEqual(told.splice(0), [
    'delivered kept 0 to watcher from publisher/u',
    'delivered own 1 to watcher from null/null',
    'delivered will 0 to watcher from w/n',
    'delivered late 0 to watcher from d/n',
  ]);
  shard.open('new').subscribe(1, ['kept', 1]);
  await settle();
  t.deepEqual(told, ['delivered kept 0 to new from publisher/u']);
});

test('what a plugin has made of a message is still its publisher`s', async (t) => {
  const told: string[] = [];
  const { publisher } = await stageFor(t, {
    ...authorsIn(told),
    'message.publish': (message) => Promise.resolve({ ...message, topic: 'to', clientId: 'somebody' }),
  });
  publisher.publish({ topic: 'from', payload: 'm', qos: 1 });
  await settle();
  t.deepEqual(told, ['delivered to 1 to watcher from publisher/u']);
});

test('messages keep their publisher only while somebody wants to know', async (t) => {
  const told: string[] = [];
  const { shard, publisher } = await stageFor(t, {});
  const sends = (topic: string): void => publisher.publish({ topic, payload: 'm', qos: 1 });
  const away = shard.open('away', STAYS);
  away.subscribe(1, ['q/#', 1]);
  await settle();
  away.drop();
  await settle();
  const queue = (): number => shard.session('away')!.queue!.bytes;
  sends('q/1');
  const bytes = queue();
  shard.parts.registry.add('tells', authorsIn(told));
  sends('q/2');
  t.true(queue() >= 2 * bytes + 'publisher_u'.length, 'names count');
  shard.parts.registry.remove('tells');
  const before = queue();
  sends('q/3');
  t.is(queue(), before + bytes);
  shard.parts.registry.add('tells', authorsIn(told));
  told.length = 0;
  shard.open('away', STAYS);
  await settle();
  t.deepEqual(told, [
    'delivered q/1 1 to away from null/null',
    'delivered q/2 1 to away from publisher/u',
    'delivered q/3 1 to away from null/null',
  ]);
});
