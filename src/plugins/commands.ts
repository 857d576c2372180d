/** What running plugins can be told to do. Main thread. */
import { inTime } from '../base/deadline.js';
import { messageOf } from '../base/errors.js';
import { PLUGIN_COMMAND_TIMEOUT_MS } from '../limits.js';
import type { PluginAnswer, PluginCommandSummary } from './api.js';
import type { PluginRun } from './plugin-run.js';

export function commandsOf(run: PluginRun | null | undefined): PluginCommandSummary[] {
  return Object.entries(run?.commands ?? {}).map(([name, { usage, about }]) => ({ name, usage, about }));
}

/** Never rejects. */
export async function runCommand(
  run: PluginRun,
  name: string,
  args: readonly string[],
): Promise<PluginAnswer> {
  const command = Object.hasOwn(run.commands, name) ? run.commands[name] : undefined;
  if (command === undefined) {
    const there = Object.keys(run.commands).join(', ') || 'none';
    return { ok: false, why: 'no_command', message: `${run.name} has no command ${name}; there is ${there}` };
  }
  try {
    const running = (async () => command.run(args))();
    return { ok: true, lines: await inTime(running, PLUGIN_COMMAND_TIMEOUT_MS, 'it takes too long') };
  } catch (error) {
    const why = messageOf(error);
    return { ok: false, why: 'failed', message: `${run.name} ${name}: ${why}` };
  }
}
