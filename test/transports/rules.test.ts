/** What a transport could break, tried over each of them, with the owner of the ClientId on the edge shard and not. */
import test from 'ava';
import { isEdgeTransport } from '../helpers/transports.js';
import { COMBINATIONS, nameOf, TransportBench } from './bench.js';
import { BREAK_RULES } from './break-rules.js';
import { BYTE_RULES } from './byte-rules.js';
import { MESSAGE_RULES } from './message-rules.js';
import { type Room, type Rules, runRule } from './room.js';
import { SESSION_RULES } from './session-rules.js';

/** That the other rules are tried where they say. */
const PLACE_RULES: Rules = {
  'the connection ends where it should, and the session is where it should be': async (t, room: Room) => {
    const { transport, owner } = room.combination;
    const client = await room.client();
    t.is(Number(room.bench.broker.shardOf(client.clientId)), room.shard);
    t.true(await room.bench.isConnected(client.clientId));
    t.is(await room.bench.relays(), isEdgeTransport(transport) && owner === 'other' ? 1 : 0);
    const assigned = await room.open(5);
    await assigned.connect();
    t.true(await room.bench.isConnected(assigned.clientId));
  },
};

let bench: TransportBench;
test.before(async () => {
  bench = await TransportBench.start({ 'mqtt.max_packet_size': '2MB', 'mqtt.max_topic_alias': 10 });
});
test.after.always(() => bench?.stop());

for (const combination of COMBINATIONS) {
  const rules = { ...PLACE_RULES, ...BYTE_RULES, ...MESSAGE_RULES, ...SESSION_RULES, ...BREAK_RULES };
  for (const [title, rule] of Object.entries(rules)) {
    test.serial(`${nameOf(combination)}: ${title}`, (t) => runRule(t, bench, combination, rule));
  }
}
