/** `shardmq metrics`. Main thread. */
import type { Handlers } from '../context.js';
import { writeFigures } from '../figures.js';

export const handlers: Handlers = { '': (context) => writeFigures(context, 'metrics') };
