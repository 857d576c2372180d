/** Starts the bare loop, against which the broker's connects a second are held, for any generator to connect to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./bare-loop-process.js', import.meta.url));

export interface BareLoop {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** @param threads that take connections over, beside the one that accepts. @throws Error when it ends instead */
export async function startBareLoop(threads: number): Promise<BareLoop> {
  const child = spawn(process.execPath, [PROGRAM, String(threads)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await portOf(child);
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return { port, pid: child.pid!, stop };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', (line) => resolve(Number(line)));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the bare loop ended with ${code}`)));
  });
}
