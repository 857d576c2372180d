/** emq_auth_username and emq_auth_clientid as auth providers: their logins come from the configuration. */
import clientIds from '../../src/plugins/emq_auth_clientid/plugin.js';
import usernames from '../../src/plugins/emq_auth_username/plugin.js';
import type { AuthProvider } from './auth-provider.js';

const PLUGINS = {
  username: { plugin: usernames, prefix: 'auth.user', nameIn: 'username' },
  clientid: { plugin: clientIds, prefix: 'auth.client', nameIn: 'clientId' },
} as const;

/** @param format of the stored passwords */
export function passwordProvider(kind: keyof typeof PLUGINS, format: string): AuthProvider {
  const { plugin, prefix, nameIn } = PLUGINS[kind];
  return {
    plugin,
    title: format,
    nameIn,
    prepare: (logins) => {
      const values: Record<string, string> = { [`${prefix}.password_hash`]: format };
      for (const [i, [name, password]] of [...logins].entries()) {
        values[`${prefix}.${i}.${kind}`] = name;
        values[`${prefix}.${i}.password`] = password;
      }
      return { values };
    },
  };
}
