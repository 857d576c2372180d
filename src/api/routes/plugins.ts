/** `plugins`: which there are, start, stop, and what they can be told to do. Main thread. */
import type { PluginOutcome } from '../../plugins/api.js';
import { ApiError } from '../api-error.js';
import { endpoint } from '../endpoint.js';
import { boolean, string, strings } from '../fields.js';
import { listOf, NOTHING, objectOf, text, yesNo } from '../schema.js';

const PLUGIN = objectOf({
  name: text('of the plugin', 'emq_retainer'),
  version: text('of the plugin', '0.1.0'),
  description: text('a few words', 'Retains messages'),
  active: yesNo('it runs'),
});

const COMMAND = objectOf({
  name: text('of the command', 'add'),
  usage: text('the words that follow it', 'NAME PASSWORD'),
  about: text('a few words', 'lets somebody in'),
});

/** EMQ's words; for all that has no number of its own it knows but one. */
function orError(outcome: PluginOutcome): undefined {
  if (outcome.ok) return;
  if (outcome.why === 'already_started') throw new ApiError(110, outcome.why);
  if (outcome.why === 'not_started') throw new ApiError(111, outcome.why);
  throw new ApiError(102, 'unknown');
}

export const pluginEndpoints = [
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/plugins',
    about: 'All plugins, by name.',
    answer: listOf(PLUGIN),
    handle: ({ broker: { plugins } }) =>
      plugins
        .list()
        .map(({ name, version, description, active }) => ({ name, version, description, active })),
  }),
  endpoint({
    method: 'PUT',
    path: 'nodes/{node}/plugins/{plugin}',
    about:
      'Starts a plugin or stops it, now and for later starts of the broker; done when all threads have it.',
    fields: { active: boolean('whether it is to run') },
    answer: NOTHING,
    codes: [110, 111],
    example: { active: true },
    handle: async ({ broker: { plugins }, path, params }) => {
      const name = path['plugin']!;
      orError(await (params.active ? plugins.start(name) : plugins.stop(name)));
    },
  }),
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/plugins/{plugin}/commands',
    about: 'What a plugin that runs can be told to do. EMQ has no such request.',
    answer: listOf(COMMAND),
    codes: [111],
    handle: ({ broker: { plugins }, path }) => {
      const name = path['plugin']!;
      const plugin = plugins.list().find((each) => each.name === name);
      if (plugin === undefined) throw new ApiError(102, `there is no plugin ${name}`);
      if (!plugin.active) throw new ApiError(111, `${name} does not run`);
      return plugins.commands(name).map((command) => ({ ...command }));
    },
  }),
  endpoint({
    method: 'POST',
    path: 'nodes/{node}/plugins/{plugin}/run',
    about: 'Carries out a command of a plugin that runs. EMQ has no such request.',
    fields: {
      command: string('its name'),
      args: { ...strings('the words that follow it'), fallback: { value: [] } },
    },
    answer: objectOf({ lines: listOf(text('what the command has to say', 'ok')) }),
    codes: [111],
    example: { command: 'add', args: ['ann', 'secret'] },
    handle: async ({ broker: { plugins }, path, params }) => {
      const answer = await plugins.run(path['plugin']!, params.command, params.args);
      if (answer.ok) return { lines: answer.lines };
      throw new ApiError(answer.why === 'not_started' ? 111 : 102, answer.message);
    },
  }),
];
