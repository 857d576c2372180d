/** A password from standard input: typed without being shown, or the first line of what is piped in. Main thread. */
import { USER_PASSWORD_BYTES_MAX } from '../limits.js';

const INTERRUPT = '\x03';
const ENDS = /[\r\n\x04]/;
const ERASE = /[\x7f\b]/;

/** Nothing more is read from standard input after it. @returns empty where nothing is there */
export async function readPassword(question: string): Promise<string> {
  const { stdin } = process;
  stdin.setEncoding('utf8');
  if (!stdin.isTTY) return firstLine(stdin);
  process.stderr.write(question);
  stdin.setRawMode(true);
  try {
    return await typed(stdin);
  } finally {
    stdin.setRawMode(false);
    process.stderr.write('\n');
  }
}

async function firstLine(stdin: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += chunk;
    if (text.includes('\n') || text.length > USER_PASSWORD_BYTES_MAX) break;
  }
  return text.split(/\r?\n/, 1)[0]!;
}

async function typed(stdin: AsyncIterable<string>): Promise<string> {
  let password = '';
  for await (const chunk of stdin) {
    for (const char of chunk) {
      // Raw mode takes the signal's place.
      if (char === INTERRUPT) process.exit(130);
      if (ENDS.test(char)) return password;
      if (ERASE.test(char)) password = [...password].slice(0, -1).join('');
      else if (char >= ' ' && password.length <= USER_PASSWORD_BYTES_MAX) password += char;
    }
  }
  return password;
}
