/** The file of emq_auth_username at the start of a broker, with a hundred thousand names. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { hashPassword } from '../../src/passwords/hash.js';
import { parseHashFormat } from '../../src/passwords/hash-format.js';
import { writePasswords } from '../../src/plugins/shared/password-document.js';
import { MemoryDocument } from '../helpers/documents.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

const NAME = 'emq_auth_username';

/** A data directory of a broker that starts the plugin. @returns the path of its file of passwords */
function dataDirectory(): { readonly directory: string; readonly passwords: string } {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'loaded_plugins'), `${NAME}.\n`);
  const folder = join(directory, 'plugins', NAME);
  mkdirSync(folder, { recursive: true });
  return { directory, passwords: join(folder, 'passwords') };
}

async function codeOf(broker: RunningBroker, username?: string, password?: string): Promise<number> {
  const client = await RawClient.open(addressOf(broker), 4);
  const login = username === undefined || password === undefined ? {} : { username, password };
  const { code } = await client.connect({ clientId: 'client', ...login });
  client.drop();
  return code;
}

test('a hundred thousand names let in each with its own password', async (t) => {
  const { directory, passwords } = dataDirectory();
  const format = parseHashFormat('salt,sha256');
  const entries = Array.from({ length: 100_000 }, (_, i) => {
    const salt = `salt${i}`;
    return [
      `user${i}`,
      { format, salt, hash: hashPassword(Buffer.from(`password${i}`), format, salt)! },
    ] as const;
  });
  const document = new MemoryDocument();
  await writePasswords(document, new Map(entries));
  writeFileSync(passwords, document.text);
  const broker = await startTestBroker({}, directory);
  try {
    t.is(await codeOf(broker, 'user99999', 'password99999'), 0);
    t.is(await codeOf(broker, 'user99999', 'password99998'), 4);
    t.is(await codeOf(broker, 'user0', 'password0'), 0);
  } finally {
    await broker.stop();
  }
});
