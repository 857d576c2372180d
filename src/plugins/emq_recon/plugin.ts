/**
 * What the broker's threads are doing: heap and event loop of each, in `$SYS/brokers/NODE/recon/THREAD` and in the log.
 * Collects garbage now and then, where Node.js lets it (`node --expose-gc`). Main thread.
 */
import type { MainContext, Plugin, ThreadFigures } from '../api.js';

const plugin: Plugin = {
  name: 'emq_recon',
  description: 'Recon Plugin',
  options: {
    'recon.gc_interval': {
      type: { kind: 'duration', maxMs: 604_800_000 },
      default: '5m',
      about: 'how often garbage is collected under `node --expose-gc`; 0 = never',
    },
    'recon.interval': {
      type: { kind: 'duration', maxMs: 604_800_000 },
      default: '1m',
      about: 'how often the figures are published; 0 = never',
    },
  },
  shard: new URL('./shard.js', import.meta.url),
  start(context) {
    const timers = [
      every(context.values.get('recon.interval'), () => publish(context)),
      every(context.values.get('recon.gc_interval'), () => {
        if (globalThis.gc === undefined) return;
        globalThis.gc();
        context.tell('collect');
      }),
    ];
    return {
      stop() {
        for (const timer of timers) clearInterval(timer);
      },
    };
  },
};

function every(intervalMs: unknown, task: () => void): NodeJS.Timeout | undefined {
  return typeof intervalMs === 'number' && intervalMs > 0 ? setInterval(task, intervalMs) : undefined;
}

function publish({ node, figures, publish: say, log }: MainContext): void {
  for (const each of figures()) {
    const name = each.thread === 'main' ? 'main' : `shard/${each.thread}`;
    const body = bodyOf(each);
    log.debug(`figures of ${name}`, body);
    try {
      say(`$SYS/brokers/${node}/recon/${name}`, JSON.stringify(body));
    } catch (error) {
      // How long topics and packets may be is configuration, and what a timer throws would end the process.
      log.debug(`figures of ${name} are not published: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function bodyOf({ thread, heapUsedBytes, loopDelayMs, clients, sessions }: ThreadFigures) {
  const common = { heap_used: heapUsedBytes, loop_delay_ms: Math.round(loopDelayMs * 10) / 10 };
  return thread === 'main' ? common : { ...common, clients, sessions };
}

export default plugin;
