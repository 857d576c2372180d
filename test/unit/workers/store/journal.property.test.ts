/** Random lives of a journal beside a model: nothing is lost, kept too long, or out of order. */
import { strictEqual } from 'node:assert';
import test from 'ava';
import fc from 'fast-check';
import { apply, Model, step } from './journal-model.js';

test('whatever happens, a crash leaves exactly what the last commit held, in its order', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const one of steps) apply(model, one);
      model.crash(false);
    }),
    { numRuns: 400 },
  );
  t.pass();
});

test('what has happened to QoS 1 may be written later: a crash leaves no other message out, and no identifier twice', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model(false);
      for (const one of steps) apply(model, one);
      model.crash(false);
    }),
    { numRuns: 400 },
  );
  t.pass();
});

test('whatever rows are lost, what is left can be given to its sessions, and nothing that never was', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.boolean()), (steps, isLost) => {
      const model = new Model();
      for (const one of steps) apply(model, one);
      model.commit(true);
      model.lose(isLost);
    }),
    { numRuns: 1500 },
  );
  t.pass();
});

test('when everything is over nothing is left in the store, and figures say what is in it until then', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const one of steps) apply(model, one);
      model.commit(true);
      model.commit(true);
      const { journal, store } = model.bench;
      strictEqual(journal.usedRecords, store.count('journal'));
      strictEqual(journal.usedBytes, store.bytesOf('journal'));
      while (model.known.length > 0) {
        model.done(1);
        if (model.known.length % 5 === 0) model.commit(true);
        if (model.known.length % 17 === 0) journal.sweep();
      }
      model.bench.settle();
      strictEqual(store.count('journal'), 0);
      strictEqual(journal.usedRecords, 0);
    }),
    { numRuns: 200 },
  );
  t.pass();
});
