/** Connections at their edge until their CONNECT is whole: what they may hold, and who they are said to be. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/entry.js';
import { HALF_READ_BYTES_MAX, HANDOVER_EDGE_WEIGHT, HANDOVERS_PER_TURN } from '../../../src/limits.js';
import { NO_HANDLER } from '../../../workers/transport/link.js';
import { InnerLink } from '../../helpers/inner-link.js';
import { connect } from '../../helpers/packets.js';
import { meshOf, settle, TestShard } from '../../helpers/test-shard.js';
import { BINARY, frame, upgradeRequest } from '../../helpers/websocket-frames.js';

const CONNECT_BYTES_MAX = 1 << 20;

/** A shard of which the first listener speaks WebSocket. */
const WEB: ConfigInput = {
  'listener.tcp.external': 'off',
  'listener.tcp.internal': 'off',
  'listener.ws.external': '127.0.0.1:0',
  'mqtt.client.max_connect_size': `${CONNECT_BYTES_MAX}`,
};

/** A client that has sent its request and nothing else. */
function webClient(shard: TestShard, headers: readonly string[] = []): InnerLink {
  const link = new InnerLink();
  shard.handOver(link, Buffer.from(upgradeRequest(headers)));
  return link;
}

/** A CONNECT of about so many bytes. */
function largeConnect(bytes: number): Buffer {
  return connect({
    version: 4,
    clientId: 'large',
    will: { topic: 't', payload: Buffer.alloc(Math.min(bytes, 60_000)) },
  });
}

async function webShard(t: ExecutionContext, config: ConfigInput = {}): Promise<TestShard> {
  const shard = new TestShard({ config: { ...WEB, ...config } });
  t.teardown(() => shard.stop());
  await settle();
  return shard;
}

test.serial('upgrades that come all at once are begun a few in each turn', async (t) => {
  const shard = await webShard(t);
  const perTurn = HANDOVERS_PER_TURN / HANDOVER_EDGE_WEIGHT;
  const clients = Array.from({ length: 3 * perTurn }, () => webClient(shard));
  const begun = (): number => clients.filter(({ handler }) => handler !== NO_HANDLER).length;
  for (let turns = 1; turns === 1 || begun() < clients.length; turns++) {
    t.true(begun() >= perTurn && begun() <= turns * perTurn);
    await nextTurn();
  }
});

test.serial('a CONNECT that drips costs its length, and not its square', async (t) => {
  const shard = await webShard(t);
  const client = webClient(shard);
  const allocate = Buffer.allocUnsafeSlow;
  let allocatedBytes = 0;
  Buffer.allocUnsafeSlow = (size) => {
    allocatedBytes += size;
    return allocate(size);
  };
  const packet = largeConnect(40_000);
  for (const byte of packet) client.receive(frame(BINARY, Buffer.of(byte)));
  Buffer.allocUnsafeSlow = allocate;
  await settle();
  t.is(shard.parts.sessions.onlineCount, 1);
  t.true(allocatedBytes < 5 * packet.length, `${allocatedBytes}`);
  t.is(shard.parts.memory.totalBytes, 0);
});

test('when too much of CONNECTs that are not whole is kept, whoever has been here for longest goes', async (t) => {
  const shard = await webShard(t);
  const piece = Buffer.alloc(CONNECT_BYTES_MAX - 8);
  // What it announces is all that is allowed.
  Buffer.of(0x10, 0xfb, 0xff, 0x3f).copy(piece);
  const clients: InnerLink[] = [];
  for (let count = HALF_READ_BYTES_MAX / CONNECT_BYTES_MAX + 3; count > 0; count--) {
    const client = webClient(shard);
    client.receive(frame(BINARY, piece));
    clients.push(client);
    await settle(1);
  }
  await settle();
  t.deepEqual(
    clients.map(({ isClosed }) => isClosed),
    clients.map((_, index) => index < 3),
  );
  t.deepEqual(shard.closedReasons, ['connect_overflow', 'connect_overflow', 'connect_overflow']);
  for (const client of clients) client.drop();
  t.is(shard.parts.memory.totalBytes, 0);
  const late = webClient(shard);
  late.receive(frame(BINARY, piece));
  await settle();
  t.false(late.isClosed);
});

test('access rules are asked about the address that a trusted proxy tells, whatever its client has said before', async (t) => {
  const listener = 'listener.ws.external';
  const refusedFrom = async (trusted: string, header: string): Promise<string[]> => {
    const shard = await webShard(t, {
      [`${listener}.proxy_address_header`]: 'X-Forwarded-For',
      [`${listener}.trusted_proxies`]: trusted,
      [`${listener}.access.1`]: 'deny 9.9.9.0/24',
    });
    webClient(shard, [`X-Forwarded-For: ${header}`]);
    await settle();
    return shard.closedReasons;
  };
  t.deepEqual(await refusedFrom('127.0.0.1', '9.9.9.9'), ['access_denied']);
  t.deepEqual(await refusedFrom('127.0.0.1', '1.1.1.1, 9.9.9.9'), ['access_denied']);
  t.deepEqual(await refusedFrom('127.0.0.1', '9.9.9.9, 1.1.1.1'), []);
  t.deepEqual(await refusedFrom('10.0.0.1', '9.9.9.9'), []);
});

test('a shard that stops takes nobody in any more, from main or from another shard', async (t) => {
  const [edge, owner] = await meshOf(2);
  const staying = owner!.open('staying');
  staying.isStubborn = true;
  await settle();
  const stopping = owner!.main.request('shard.stop', { deadlineMs: 5_000 });
  await settle(2);
  const clients = [owner!.openThrough(edge!, 'relayed'), owner!.open('late')];
  await settle();
  t.true(clients.every(({ isClosed }) => isClosed));
  staying.drop();
  await stopping;
  t.deepEqual(edge!.closedReasons, ['server_shutdown']);
  t.deepEqual(owner!.closedReasons, ['server_shutdown', 'server_shutdown']);
  await edge!.stop();
});
