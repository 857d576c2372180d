/**
 * For people who write plugins: looks now and then whether the modules of users' plugins have changed, and reads those
 * that have again. What they import themselves stays as it is until the broker starts again. Main thread.
 */
import { stat } from 'node:fs/promises';
import type { MainContext, Plugin, PluginSummary } from '../api.js';

const plugin: Plugin = {
  name: 'emq_reloader',
  description: 'Reloader Plugin',
  options: {
    'reloader.interval': {
      type: { kind: 'duration', maxMs: 604_800_000 },
      default: '60s',
      about: 'how often changes are looked for; 0 = never',
    },
    'reloader.logfile': {
      type: { kind: 'string' },
      default: 'reloader.log',
      about: 'without effect: what is reloaded stands in the log of the broker',
    },
  },
  async start(context) {
    const watch = new Watch(context);
    await watch.look();
    const intervalMs = Number(context.values.get('reloader.interval'));
    const timer = intervalMs > 0 ? setInterval(() => void watch.look(), intervalMs) : undefined;
    return { stop: () => clearInterval(timer) };
  },
};

class Watch {
  readonly #context: MainContext;
  /** By file: what it was like when its plugin was last read. */
  readonly #seen = new Map<string, string>();
  #isLooking = false;

  constructor(context: MainContext) {
    this.#context = context;
  }

  /** Reloads plugins with a file that has changed since it was last looked at. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const summary of this.#context.plugins.list()) {
      if (await this.#hasChanged(summary)) await this.#reload(summary.name);
    }
    this.#isLooking = false;
  }

  async #hasChanged({ files }: PluginSummary): Promise<boolean> {
    let hasChanged = false;
    for (const file of files) {
      const state = await stateOf(file);
      const before = this.#seen.get(file);
      // While an editor puts a new file in its place there is none.
      if (state === null || state === before) continue;
      this.#seen.set(file, state);
      if (before !== undefined) hasChanged = true;
    }
    return hasChanged;
  }

  async #reload(name: string): Promise<void> {
    const { plugins, log } = this.#context;
    const outcome = await plugins.reload(name);
    if (outcome.ok) log.info(`${name} has changed and was read again`);
    else log.error(`${name} has changed and cannot be used: ${outcome.message}`);
  }
}

async function stateOf(file: string): Promise<string | null> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return null;
  }
}

export default plugin;
