import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { connectAsync } from 'mqtt';
import type { RunningBroker } from '../../src/broker.js';
import { withApi } from '../helpers/api.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { addressOf, breakShard, until } from '../helpers/with-broker.js';
import { client } from './lists.js';
import { DONE, MISSING, NODE_DOWN, publish, WRONG } from './mqtt.js';

type Line = Record<string, unknown>;

/** A reader of a trace, from its first line on. */
class Reader {
  readonly lines: Line[] = [];
  text = '';
  isOver = false;

  private constructor(
    private readonly asked: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    const lines = createInterface({ input: response });
    lines.on('line', (line) => {
      this.text += line;
      this.lines.push(JSON.parse(line) as Line);
    });
    lines.on('close', () => {
      this.isOver = true;
    });
    for (const each of [response, lines]) each.on('error', () => {});
  }

  static async open(t: ExecutionContext, broker: RunningBroker, query: string): Promise<Reader> {
    const options = { host: '127.0.0.1', port: broker.apiPort, path: `/api/v2/trace?${query}` };
    const asked = request({ ...options, auth: 'admin:public' });
    asked.on('error', () => {});
    const answered = new Promise<IncomingMessage>((resolve) => asked.once('response', resolve));
    asked.end();
    const reader = new Reader(asked, await answered);
    t.teardown(() => reader.leave());
    await until(() => reader.lines.length > 0, 'the first line');
    return reader;
  }

  /** Events without their times. */
  get events(): Line[] {
    return this.lines.map(({ at: _at, ...rest }) => rest);
  }

  named(event: string): Line[] {
    return this.events.filter((line) => line['event'] === event);
  }

  async ended(): Promise<Line> {
    await until(() => this.isOver, 'the end');
    return this.events.at(-1)!;
  }

  leave(): void {
    this.asked.destroy();
  }
}

test.serial(
  'all that happens to a client is told, in order, and nothing of its password',
  withApi({}, async (ask, broker, t) => {
    const other = await client(broker, 'other');
    await other.subscribe([['out/#', 1]]);
    const reader = await Reader.open(t, broker, 'client=a%2Fb&lines=9');
    t.is(reader.response.headers['content-type'], 'application/x-ndjson');
    const { host, port } = addressOf(broker);
    const mqtt = await connectAsync(`mqtt://${host}:${port}`, {
      clientId: 'a/b',
      username: 'ann',
      password: 'secret!',
      reconnectPeriod: 0,
    });
    t.teardown(() => mqtt.end(true));
    await mqtt.subscribeAsync('$share/g/in/+', { qos: 1 });
    await mqtt.publishAsync('out/1', 'héllo', { qos: 1 });
    t.is(await publish(ask, { topic: 'in/1', payload: 'x', qos: 1, client_id: 'me' }), DONE);
    await until(() => reader.named('acked').length === 1, 'the acknowledgement');
    await mqtt.unsubscribeAsync('$share/g/in/+');
    await mqtt.endAsync();
    await until(() => reader.named('disconnected').length === 1, 'the disconnect');
    const [started, connected, ...rest] = reader.events;
    t.deepEqual(started, { event: 'started', client_id: 'a/b', duration: 60, lines: 9 });
    t.like(connected, { event: 'connected', client_id: 'a/b', username: 'ann', proto_ver: 4, reason: 0 });
    const about = { client_id: 'a/b' };
    const x = { payload_bytes: 1, payload: 'x' };
    t.deepEqual(
      rest.map(({ from: _from, ...line }) => line),
      [
        { event: 'subscribed', ...about, topic: '$share/g/in/+', qos: 1 },
        {
          event: 'publish',
          ...about,
          topic: 'out/1',
          qos: 1,
          retain: false,
          payload_bytes: 6,
          payload: 'héllo',
        },
        { event: 'delivered', ...about, topic: 'in/1', qos: 1, retain: false, ...x },
        { event: 'acked', ...about, topic: 'in/1', qos: 1 },
        { event: 'unsubscribed', ...about, topic: '$share/g/in/+' },
        { event: 'disconnected', ...about, reason: 'normal' },
      ],
    );
    t.false(reader.text.includes('secret'));
    for (const { at } of reader.lines) t.regex(String(at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    t.false(reader.isOver);
    t.is((await ask('DELETE clients/a/b')).text, '{"code":112}');
  }),
);

test.serial(
  'messages that match are told of from all shards; payloads are cut, and in hex where they are no text',
  withApi({ config: { 'node.shards': 3, 'module.presence': 'off' } }, async (ask, broker, t) => {
    const ids = [0, 1, 2].map((shard) => clientIdOn(broker, shard, 'c'));
    const clients = await Promise.all(ids.map((id) => client(broker, id)));
    const from = [0, 1, 2].map((shard) => clientIdOn(broker, shard, 'p'));
    const publishers = await Promise.all(from.map((id) => client(broker, id)));
    for (const each of clients) await each.subscribe([['t/+', 1]]);
    const reader = await Reader.open(t, broker, 'topic=t/%23');
    // Lines of several shards come in the order of time only where they were taken together.
    const told = (event: string, count: number): Promise<void> =>
      until(() => reader.named(event).length === count, `${count} times ${event}`);
    await publishers[1]!.publish({ topic: 't/1', payload: 'one', qos: 1 });
    for (const each of clients) await each.receive('one');
    await told('publish', 1);
    await publishers[2]!.publish({ topic: 't/nobody/there', payload: `${'ü'.repeat(127)}xü`, qos: 1 });
    await publishers[0]!.publish({ topic: 'u', qos: 1 });
    await told('publish', 2);
    await told('dropped', 1);
    const bytes = { payload: '/wAB', payload_encoding: 'base64' };
    t.is(await publish(ask, { topic: 't/nobody/api', ...bytes, retain: true }), DONE);
    await told('publish', 3);
    await told('acked', 3);
    const published = reader.named('publish');
    const cut = { payload_bytes: 257, payload: `${'ü'.repeat(127)}x` };
    t.deepEqual(published, [
      {
        event: 'publish',
        client_id: from[1],
        topic: 't/1',
        qos: 1,
        retain: false,
        payload_bytes: 3,
        payload: 'one',
      },
      { event: 'publish', client_id: from[2], topic: 't/nobody/there', qos: 1, retain: false, ...cut },
      {
        event: 'publish',
        client_id: 'http',
        topic: 't/nobody/api',
        qos: 0,
        retain: true,
        payload_bytes: 3,
        payload_hex: 'ff0001',
      },
    ]);
    const delivered = reader.named('delivered');
    t.deepEqual(delivered.map((line) => line['client_id']).sort(), [...ids].sort());
    for (const line of delivered) t.is(line['from'], from[1]);
    t.deepEqual(reader.named('dropped')[0], {
      event: 'dropped',
      topic: 't/nobody/there',
      reason: 'no_subscribers',
    });
    t.false(reader.text.includes('"topic":"u"'));
  }),
);

test.serial(
  'what a client may not do is told',
  withApi(
    { seams: { hooks: new URL('../conformance/denying-hooks.js', import.meta.url).href } },
    async (_ask, broker, t) => {
      const publisher = await client(broker, 'p', {}, 5);
      const reader = await Reader.open(t, broker, 'client=p');
      await publisher.subscribe([
        ['$share/g/denied/#', 0],
        ['fine', 0],
      ]);
      t.is((await publisher.publish({ topic: 'denied/t', qos: 1 }))?.code, 0x87);
      await until(() => reader.lines.length === 4, 'all');
      t.deepEqual(reader.events.slice(1), [
        { event: 'denied', client_id: 'p', topic: '$share/g/denied/#', action: 'subscribe' },
        { event: 'subscribed', client_id: 'p', topic: 'fine', qos: 0 },
        { event: 'denied', client_id: 'p', topic: 'denied/t', action: 'publish' },
      ]);
    },
  ),
);

test.serial(
  'parameters: one of client and topic, a filter, whole numbers within bounds',
  withApi({}, async (ask, _broker, t) => {
    const said = async (query: string): Promise<string> => (await ask(`GET trace${query}`)).text;
    t.is(await said(''), MISSING);
    t.is(await said('?duration=5'), MISSING);
    const wrong = ['client=a&topic=b', 'client=a&client=b', 'client=a&duration=0', 'client=a&duration=601'];
    wrong.push('client=a&duration=x', 'client=a&duration=1.5', 'topic=a&lines=0', 'topic=a&lines=100001');
    for (const query of wrong) t.is(await said(`?${query}`), WRONG, query);
    t.is(await said('?topic=a%2F%23%2Fb'), '{"code":102,"message":"validate topic: a/#/b fail"}');
    t.is(await said('?topic='), '{"code":102,"message":"validate topic:  fail"}');
    t.is((await ask('GET trace?client=a', { user: null })).status, 401);
  }),
);

test.serial(
  'few run at a time; one whose reader goes is over, and leaves nothing behind',
  withApi({}, async (ask, broker, t) => {
    const readers = await Promise.all([1, 2, 3, 4].map((id) => Reader.open(t, broker, `client=${id}`)));
    const refused = '{"code":102,"message":"too many traces run already"}';
    t.is((await ask('GET trace?topic=a')).text, refused);
    for (const reader of readers) reader.leave();
    await until(async () => {
      const { text } = await ask('GET trace?topic=a&duration=1');
      return text !== refused;
    }, 'room');
  }),
);

test.serial(
  'it ends after as many lines as were asked for; what a shard has no room for is counted',
  withApi({ config: { 'node.shards': 1 } }, async (_ask, broker, t) => {
    const publisher = await client(broker, 'p');
    const few = await Reader.open(t, broker, 'client=p&lines=3');
    const all = await Reader.open(t, broker, 'client=p&lines=100000');
    const COUNT = 6_000;
    for (let i = 0; i < COUNT; i++) publisher.sendPublish({ topic: 'nobody', payload: `${i}` });
    t.like(await few.ended(), { reason: 'lines', lines: 3 });
    const missed = (): number => all.named('missed').reduce((sum, { count }) => sum + Number(count), 0);
    await until(() => all.named('publish').length + missed() >= COUNT, 'all, told or counted');
    t.is(all.named('publish').length + missed(), COUNT);
    await broker.stop();
    const end = await all.ended();
    const others = ['started', 'missed', 'ended'].flatMap((event) => all.named(event));
    const lines = all.lines.length - others.length;
    t.deepEqual(end, { event: 'ended', reason: 'stopped', lines, missed: missed() });
  }),
);

test.serial(
  'it ends when its time is over',
  withApi({}, async (_ask, broker, t) => {
    const reader = await Reader.open(t, broker, 'topic=%23&duration=1');
    t.deepEqual(await reader.ended(), { event: 'ended', reason: 'time', lines: 0, missed: 0 });
  }),
);

test.serial(
  'a shard that ends ends the trace, with a line that says so; one that is down lets none begin',
  withApi({ config: { 'shard.silence_timeout': '3s' } }, async (ask, broker, t) => {
    const reader = await Reader.open(t, broker, 'topic=%23');
    await breakShard(broker, 1, 'throw');
    t.is((await reader.ended())['reason'], 'shard');
    await until(async () => (await ask('GET /readyz')).status === 200, 'all shards');
    await breakShard(broker, 1, 'hang');
    t.is((await ask('GET trace?topic=a')).text, NODE_DOWN);
  }),
);

test.serial(
  'a broker that stops does not wait for traces',
  withApi({}, async (_ask, broker, t) => {
    const reader = await Reader.open(t, broker, 'topic=%23');
    await broker.stop();
    t.deepEqual(await reader.ended(), { event: 'ended', reason: 'stopped', lines: 0, missed: 0 });
  }),
);
