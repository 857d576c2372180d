/**
 * Lets clients in by user name and password. As in EMQ, a configured user is added where it is missing, and never
 * changed. Main thread.
 */
import { passwordPlugin } from '../shared/password-plugin.js';

export default passwordPlugin({
  name: 'emq_auth_username',
  description: 'Authentication with Username/Password',
  prefix: 'auth.user',
  nameWord: 'username',
  replaces: false,
  shard: new URL('./shard.js', import.meta.url),
});
