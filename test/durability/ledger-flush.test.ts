/** Level `disk` by a store that withholds its flush: nothing is acknowledged that is not on the disk. */
import test, { type ExecutionContext } from 'ava';
import { clientIdOn } from '../helpers/client-ids.js';
import { type ConnectOptions, PERSISTENT, subscribe, unsubscribe } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { SeamRemote } from '../seams/remote.js';

const SHARDS = 2;

type Session = Pick<ConnectOptions, 'clean' | 'properties'>;

/** A broker whose flushes are withheld from now on, a session that is away, and clients of other shards and its own. */
class Stage {
  private constructor(
    readonly remote: SeamRemote,
    readonly publisher: RawClient,
    readonly subscriber: RawClient,
    /** Its session ends with its connection. */
    readonly passerBy: RawClient,
  ) {}

  static async set(t: ExecutionContext, isSameShard: boolean): Promise<Stage> {
    const remote = new SeamRemote();
    const config = { 'node.shards': SHARDS, 'mqtt.persistence.level': 'disk' } as const;
    const seams = { store: remote.module('flush', '') };
    const broker = await startTestBroker({ config, seams }, tempDirectory());
    const client = async (shard: number, name: string, session: Session = PERSISTENT): Promise<RawClient> => {
      const opened = await RawClient.open(addressOf(broker), 5);
      await opened.connect({ clientId: clientIdOn(broker, shard, name), ...session });
      return opened;
    };
    const away = await client(0, 'away');
    await away.subscribe([['t/#', 2]]);
    await away.disconnect();
    const publisher = await client(isSameShard ? 0 : 1, 'publisher');
    const subscriber = await client(0, 'subscriber');
    const passerBy = await client(0, 'passer-by', { clean: true });
    t.teardown(async () => {
      for (const each of [publisher, subscriber, passerBy]) each.drop();
      remote.close();
      await broker.stop();
    });
    return new Stage(remote, publisher, subscriber, passerBy);
  }

  async tell(word: 'hold' | 'release'): Promise<void> {
    this.remote.tell(word);
    await this.remote.heard(`${word}: done`, SHARDS);
  }
}

for (const isSameShard of [true, false]) {
  const where = isSameShard ? 'the same shard' : 'another shard';

  test(`level disk: while the flush is withheld no PUBACK and no PUBREC leaves for a session on ${where}`, async (t) => {
    const stage = await Stage.set(t, isSameShard);
    const { publisher, remote } = stage;
    await stage.tell('hold');
    publisher.sendPublish({ topic: 't/1', qos: 1, id: 11 });
    publisher.sendPublish({ topic: 't/2', qos: 2, id: 12 });
    await remote.heard('committed');
    await publisher.expectSilence();
    await stage.tell('release');
    t.is((await publisher.expect('puback')).id, 11);
    t.is((await publisher.expect('pubrec')).id, 12);
  });
}

test('level disk: while the flush is withheld no PUBCOMP leaves', async (t) => {
  const stage = await Stage.set(t, true);
  const { publisher, remote } = stage;
  publisher.sendPublish({ topic: 't/2', qos: 2, id: 12 });
  await publisher.expect('pubrec');
  await stage.tell('hold');
  publisher.sendAck('pubrel', 12);
  await remote.heard('committed');
  await publisher.expectSilence();
  await stage.tell('release');
  t.is((await publisher.expect('pubcomp')).id, 12);
});

const ASKS = { suback: subscribe(5, 71, [['v/#', 1]]), unsuback: unsubscribe(5, 72, ['u/#']) };

for (const answer of ['suback', 'unsuback'] as const) {
  test(`level disk: while the flush is withheld no ${answer.toUpperCase()} leaves`, async (t) => {
    const stage = await Stage.set(t, true);
    const { subscriber, remote } = stage;
    await subscriber.subscribe([['u/#', 2]]);
    await stage.tell('hold');
    subscriber.send(ASKS[answer]);
    await remote.heard('committed');
    // By then other shards have answered the first one as well.
    await stage.passerBy.subscribe('w/#');
    await subscriber.expectSilence();
    await stage.tell('release');
    t.is((await subscriber.expect(answer)).type, answer);
  });
}

test('level disk: while the flush is withheld no PUBREL leaves', async (t) => {
  const stage = await Stage.set(t, true);
  const { publisher, subscriber, remote } = stage;
  await subscriber.subscribe([['u/#', 2]]);
  publisher.sendPublish({ topic: 'u/1', qos: 2, id: 5, payload: 'x' });
  const { id } = await subscriber.expectPublish('x');
  await stage.tell('hold');
  subscriber.sendAck('pubrec', id);
  await remote.heard('committed');
  await subscriber.expectSilence();
  await stage.tell('release');
  t.is((await subscriber.expect('pubrel')).id, id);
});
