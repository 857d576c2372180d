/** emq_auth_username and emq_auth_clientid in a whole broker. */
import { testAuthProviderLive } from './auth-live.js';
import { passwordProvider } from './password-provider.js';

for (const kind of ['username', 'clientid'] as const) {
  testAuthProviderLive(passwordProvider(kind, 'pbkdf2,sha256,1000,32'));
}
