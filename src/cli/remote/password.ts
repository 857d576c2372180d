/** Where passwords come from: a file, or the terminal; never the command line, which all can see. Main thread. */
import { closeSync, openSync, readSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { CLI_PASSWORD_BYTES_MAX } from '../../limits.js';
import { EXIT } from '../exit-codes.js';
import { CliError } from './cli-error.js';
import type { OptionValues } from './parse.js';

const ENTER = /[\r\n]/;
const INTERRUPT = '\x03';
const END = '\x04';
const ERASE = new Set(['\x7f', '\b']);
const ERASE_ALL = '\x15';

/** @returns the first line of the file. @throws CliError */
export function passwordFromFile(file: string): string {
  const password = readStart(file).split(/\r?\n/, 1)[0]!;
  if (password === '') throw new CliError(`${file} has no password in its first line`, EXIT.usage);
  return password;
}

function readStart(file: string): string {
  const bytes = Buffer.alloc(CLI_PASSWORD_BYTES_MAX + 1);
  let length = 0;
  try {
    const fd = openSync(file, 'r');
    try {
      // A pipe gives what it has so far.
      for (let read = -1; read !== 0 && length < bytes.length; length += read) {
        read = readSync(fd, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new CliError(`the password cannot be read: ${(error as Error).message}`, EXIT.usage);
  }
  if (length > CLI_PASSWORD_BYTES_MAX) {
    throw new CliError(`${file} is longer than ${CLI_PASSWORD_BYTES_MAX} bytes: no password`, EXIT.usage);
  }
  return bytes.toString('utf8', 0, length);
}

/** The first line of `--new-password-file`, else asked for; never empty. @throws CliError */
export async function newPassword(options: OptionValues, user: string): Promise<string> {
  const file = options.get('--new-password-file');
  return file === undefined ? readNewPassword(user) : passwordFromFile(file);
}

/** Typed twice on a terminal, else the first line of standard input. */
async function readNewPassword(user: string): Promise<string> {
  if (!canAsk() || !process.stdin.isTTY) return firstLineOfInput();
  const typed = await askHidden(`new password of ${user}: `);
  if (typed === '') throw new CliError('a password has at least one character; nothing is changed');
  if ((await askHidden('the same again: ')) === typed) return typed;
  throw new CliError('the two are not the same; nothing is changed');
}

async function firstLineOfInput(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin as AsyncIterable<string>) {
    text += chunk;
    if (text.includes('\n') || text.length > CLI_PASSWORD_BYTES_MAX) break;
  }
  const password = text.split(/\r?\n/, 1)[0]!;
  if (password !== '') return password;
  const message = 'there is no password in the first line of standard input, nor a terminal to ask on';
  throw new CliError(`${message}; --new-password-file FILE may have it`, EXIT.usage);
}

/** Whether somebody is there who can be asked: questions go to standard error, answers come from the terminal. */
export const canAsk = (): boolean => process.stderr.isTTY === true;

/** Asks on the terminal; what is typed is not shown. @throws CliError: there is no terminal, or nobody wants to say */
export async function askHidden(question: string): Promise<string> {
  const terminal = openTerminal();
  // In this order: whoever is fast would see what he types.
  terminal.setRawMode(true);
  process.stderr.write(question);
  terminal.setEncoding('utf8');
  let typed = '';
  try {
    for await (const chunk of terminal as AsyncIterable<string>) {
      for (const char of chunk) {
        if (ENTER.test(char)) return typed;
        if (char === INTERRUPT || (char === END && typed === ''))
          throw new CliError('nothing done', EXIT.interrupted);
        typed = edited(typed, char);
      }
    }
    return typed;
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write('\n');
  }
}

function openTerminal(): ReadStream {
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    throw new CliError('there is no terminal to ask for a password on', EXIT.usage);
  }
}

function edited(typed: string, char: string): string {
  if (ERASE.has(char)) return [...typed].slice(0, -1).join('');
  if (char === ERASE_ALL) return '';
  return char < ' ' || typed.length >= CLI_PASSWORD_BYTES_MAX ? typed : typed + char;
}
