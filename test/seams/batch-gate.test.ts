/** In which order batches of other shards are reported when the store answers late, or refuses. */
import test from 'ava';
import { asShardId } from '../../src/protocol/ids.js';
import { BatchGate } from '../../workers/store/batch-gate.js';

class Peer {
  readonly reported: number[] = [];

  commit(sequence: number): void {
    this.reported.push(sequence);
  }
}

const A = asShardId(1);
const B = asShardId(2);

test('a batch that has left nothing to be stored is reported at once', (t) => {
  const gate = new BatchGate();
  const peer = new Peer();
  gate.add(peer, 1, A, false);
  t.deepEqual(peer.reported, [1]);
  t.true(gate.isEmpty);
});

test('a batch behind one that is not safe waits for it, one of another shard does not', (t) => {
  const gate = new BatchGate();
  const [a, b] = [new Peer(), new Peer()];
  gate.add(a, 1, A, true);
  gate.add(a, 2, A, false);
  gate.add(b, 1, B, false);
  t.deepEqual([a.reported, b.reported], [[], [1]]);
  gate.goWith(1);
  gate.settle(1);
  t.deepEqual(a.reported, [1, 2]);
});
