/** A process that opens an environment again and again, or holds it as if it were opening it, until it is killed. */
import { openSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EXCLUSIVE, tryFlock } from '../../src/base/flock.js';
import { Environment } from '../../src/storage/environment.js';
import { TABLES } from '../../src/storage/tables.js';

const [, , directory = '', what = ''] = process.argv;

async function openAgainAndAgain(): Promise<never> {
  for (;;) {
    const environment = await Environment.opened(directory, TABLES);
    await environment.close();
    process.send?.('opened');
    await nextTurn();
  }
}

process.on('message', (message) => void process.send?.(message as string));
if (what === 'holds') {
  tryFlock(openSync(directory, 'r'), EXCLUSIVE);
  process.send?.('held');
} else {
  void openAgainAndAgain();
}
