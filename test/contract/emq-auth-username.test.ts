/** The contract of auth providers, kept by emq_auth_username in the formats of passwords that differ most. */
import { testAuthProvider } from './auth-provider.js';
import { passwordProvider } from './password-provider.js';

for (const format of ['plain', 'salt,sha256', 'pbkdf2,sha256,1000,32']) {
  testAuthProvider(passwordProvider('username', format));
}
