/** What people tell a running password plugin: who is there, who comes, who goes. Main thread. */
import type { PluginCommand } from '../api.js';
import type { PasswordAdmin } from './password-main.js';

export function passwordCommands(admin: PasswordAdmin): Readonly<Record<string, PluginCommand>> {
  return {
    list: command('', 'names, in the order in which they were added', [], () => admin.list()),
    add: command('NAME PASSWORD', 'lets somebody in', ['a name', 'a password'], async (name, password) =>
      said(await admin.add(name!, password!), `${name} is there already`),
    ),
    passwd: command('NAME PASSWORD', 'changes a password', ['a name', 'a password'], async (name, password) =>
      said(await admin.update(name!, password!), `there is no ${name}`),
    ),
    del: command('NAME', 'takes a name out; who is connected stays', ['a name'], async (name) =>
      said(await admin.remove(name!), `there is no ${name}`),
    ),
  };
}

type Run = (...args: readonly string[]) => readonly string[] | Promise<readonly string[]>;

function command(usage: string, about: string, needs: readonly string[], run: Run): PluginCommand {
  return {
    usage,
    about,
    run: (args) => {
      if (args.length !== needs.length) throw new Error(`expected ${needs.join(' and ') || 'nothing more'}`);
      return run(...args);
    },
  };
}

function said(outcome: 'ok' | 'existed' | 'not_found', otherwise: string): readonly string[] {
  if (outcome !== 'ok') throw new Error(otherwise);
  return ['ok'];
}
