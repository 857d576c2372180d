/** The contract of auth providers, kept by emq_auth_clientid in the formats of passwords that differ most. */
import plugin from '../../src/plugins/emq_auth_clientid/plugin.js';
import { testAuthProvider } from './auth-provider.js';

for (const format of ['plain', 'salt,sha256', 'pbkdf2,sha256,1000,32']) {
  testAuthProvider({
    plugin,
    title: format,
    nameIn: 'clientId',
    prepare: (logins) => {
      const values: Record<string, string> = { 'auth.client.password_hash': format };
      for (const [i, [name, password]] of [...logins].entries()) {
        values[`auth.client.${i}.clientid`] = name;
        values[`auth.client.${i}.password`] = password;
      }
      return { values };
    },
  });
}
