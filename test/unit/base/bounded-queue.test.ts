/** The bounded queue against an array. */
import test from 'ava';
import fc from 'fast-check';
import { BoundedQueue } from '../../../src/base/bounded-queue.js';

test('a bounded queue does what an array does, and refuses what does not fit', (t) => {
  const steps = fc.array(fc.constantFrom('push', 'push', 'shift', 'clear?'), { maxLength: 300, size: 'max' });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 70 }), (steps, capacity) => {
      const queue = new BoundedQueue<number>(capacity);
      const model: number[] = [];
      for (const [i, step] of steps.entries()) {
        if (step === 'push') {
          const isRoom = model.length < capacity;
          if (isRoom) model.push(i);
          if (queue.push(i) !== isRoom) throw new Error('push');
        } else if (step === 'shift') {
          if (queue.shift() !== model.shift()) throw new Error('shift');
        } else if (i % 50 === 0) {
          queue.clear();
          model.length = 0;
        }
        if (queue.size !== model.length || queue.peek() !== model[0]) throw new Error('size or peek');
        if (queue.isEmpty !== (model.length === 0) || queue.isFull !== (model.length === capacity)) {
          throw new Error('isEmpty or isFull');
        }
      }
    }),
  );
  t.pass();
});
