import test from 'ava';
import { SLOTS, SlotMap } from '../../../src/actor/slots.js';
import { asClientId } from '../../../src/protocol/ids.js';

const ids = Array.from({ length: 30_000 }, (_, n) => asClientId(`device-${n}`));

test('the same key gives the same slots, another key others', (t) => {
  const [one, same, other] = [new SlotMap('key', 3), new SlotMap('key', 3), new SlotMap('yek', 3)];
  t.true(ids.every((id) => one.slotOf(id) === same.slotOf(id)));
  t.true(ids.filter((id) => one.slotOf(id) === other.slotOf(id)).length < ids.length / 100);
});

test('the slot of a ClientId does not depend on the number of shards', (t) => {
  const [three, five] = [new SlotMap('key', 3), new SlotMap('key', 5)];
  t.true(ids.every((id) => three.slotOf(id) === five.slotOf(id)));
  t.true(ids.every((id) => five.shardOf(id) === five.slotOf(id) % 5));
});

test('ClientIds are spread evenly over slots and shards', (t) => {
  const slots = new SlotMap('key', 3);
  const perShard = [0, 0, 0];
  const used = new Set<number>();
  for (const id of ids) {
    perShard[slots.shardOf(id)]!++;
    used.add(slots.slotOf(id));
  }
  t.is(used.size, SLOTS);
  for (const count of perShard) t.true(Math.abs(count - ids.length / 3) < ids.length / 30, String(count));
});
