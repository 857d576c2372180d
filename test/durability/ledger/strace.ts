/** Watches the system calls of a process that runs already, or disturbs them; and reads what was seen. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { program, type Requirement } from '../../helpers/needs.js';

/** `strace`, and the right to attach it to a process that is not its child. */
export const STRACE: Requirement = { name: 'strace that may attach', isMet: mayAttach };

function mayAttach(): boolean {
  if (!program('strace').isMet()) return false;
  try {
    // It attaches to the shell that runs it.
    execFileSync(
      'sh',
      ['-c', 'strace -qq -e trace=none -p $$ & sleep 0.1; kill $!; wait $!; test $? -ne 1'],
      {
        stdio: 'ignore',
      },
    );
    return true;
  } catch {
    return false;
  }
}

/** A system call, by the lines where it began and ended. */
export interface Call {
  readonly name: string;
  /** Arguments and result; strings as hexadecimal escapes. */
  text: string;
  readonly begunAt: number;
  /** Infinity: it has not ended. */
  endedAt: number;
}

const DETACH_MS = 2_000;
const CALLS = 'read,readv,recvfrom,write,writev,sendto,sendmsg,fdatasync,fsync,msync,pwrite64,pwritev';

export class Strace {
  private constructor(
    private readonly file: string,
    private readonly child: ReturnType<typeof spawn>,
  ) {}

  /** Resolves when all threads are watched. `inject`: as `-e inject=`; `paths`: only calls about these files. */
  static async attach(
    pid: number,
    file: string,
    inject?: string,
    paths: readonly string[] = [],
  ): Promise<Strace> {
    const injecting = inject === undefined ? [] : ['-e', `inject=${inject}`];
    const about = paths.flatMap((path) => ['-P', path]);
    const args = ['-f', '-y', '-xx', '-s', '128', '-e', `trace=${CALLS}`, ...injecting, ...about, '-o', file];
    const child = spawn('strace', [...args, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
    // Read to its end: strace ends when it has something to say that nobody reads.
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (text) => {
        said += String(text);
        if (said.includes('attached')) resolve();
      });
      child.once('exit', () => reject(new Error(`strace: ${said}`)));
    });
    return new Strace(file, child);
  }

  /** Lets the process go on alone. */
  async detach(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    // One that delays a call waits until that is over.
    const giveUp = setTimeout(() => this.child.kill('SIGKILL'), DETACH_MS);
    await ended;
    clearTimeout(giveUp);
  }

  /** All calls until now. */
  calls(): Call[] {
    const text = existsSync(this.file) ? readFileSync(this.file, 'utf8') : '';
    return parseCalls(text.split('\n').slice(0, -1));
  }
}

/** `lines` as strace writes them with `-f`: each begins with its thread, and a call may be cut in two by others. */
export function parseCalls(lines: readonly string[]): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, Call>();
  lines.forEach((line, at) => {
    const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/.exec(line);
    if (resumed !== null) {
      const call = open.get(resumed[1]!);
      if (call === undefined || call.name !== resumed[2]) return;
      open.delete(resumed[1]!);
      call.text += resumed[3]!;
      call.endedAt = at;
      return;
    }
    const begun = /^(\d+) +(\w+)\((.*)$/.exec(line);
    if (begun === null) return;
    const [, thread, name, rest] = begun;
    const isOpen = rest!.endsWith('<unfinished ...>');
    const call = { name: name!, text: rest!, begunAt: at, endedAt: isOpen ? Infinity : at };
    calls.push(call);
    if (isOpen) open.set(thread!, call);
  });
  return calls;
}

/** Bytes as they are in a call's text. */
export function inHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
