/** Lets clients in by ClientId and password. As in EMQ, a configured password replaces the one there. Main thread. */
import { passwordPlugin } from '../shared/password-plugin.js';

export default passwordPlugin({
  name: 'emq_auth_clientid',
  description: 'Authentication with ClientId/Password',
  prefix: 'auth.client',
  nameWord: 'clientid',
  replaces: true,
  shard: new URL('./shard.js', import.meta.url),
});
