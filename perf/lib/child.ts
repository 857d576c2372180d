/** A broker's process: started, waited for, ended; gone with its folder when this process is interrupted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { whenInterrupted } from './interrupt.js';

const READY_DEADLINE_MS = 60_000;
const READY_EVERY_MS = 20;
const STOP_DEADLINE_MS = 15_000;
/** Bytes kept of what the broker says, for the error when it does not start. */
const OUTPUT_BYTES_MAX = 16_384;

/** A broker of any make, ready for clients. */
export interface RunningBroker {
  /** Where the transport that was asked for is spoken. */
  readonly port: number;
  readonly pid: number;
  /** @throws Error when the broker has crashed or does not end cleanly. */
  stop(): Promise<void>;
}

/** What it writes, or that it takes connections, says that it is ready. */
export type ReadySign = { readonly text: RegExp } | { readonly port: number };

export class BrokerChild {
  /** Of its own, gone with it. */
  readonly folder = mkdtempSync(join(tmpdir(), 'shardmq-perf-'));
  #child: ChildProcess | null = null;
  #output = '';
  readonly #forget = whenInterrupted(() => {
    this.#child?.kill('SIGKILL');
    this.#remove();
  });

  /** @param name for errors */
  constructor(private readonly name: string) {}

  get process(): ChildProcess {
    return this.#child!;
  }

  /** @throws Error with the broker's output when it is not ready in time; nothing is left of it then */
  async start(command: string, args: readonly string[], sign: ReadySign, hasChannel = false): Promise<void> {
    const channel = hasChannel ? (['ipc'] as const) : [];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', ...channel] });
    this.#child = child;
    const onText = (text: Buffer): void => {
      this.#output = (this.#output + text.toString()).slice(-OUTPUT_BYTES_MAX);
    };
    child.stdout?.on('data', onText);
    child.stderr?.on('data', onText);
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    try {
      await Promise.race([this.#untilReady(sign), failed]);
    } catch (error) {
      child.kill('SIGKILL');
      this.#end();
      throw error;
    }
  }

  /** @throws Error when it has ended before, or otherwise than by itself after SIGTERM */
  async stop(): Promise<void> {
    const child = this.process;
    try {
      if (child.exitCode !== null || child.signalCode !== null) {
        const how = child.exitCode ?? child.signalCode;
        throw new Error(`${this.name} ended by itself: ${how}\n${this.#output}`);
      }
      const exited = once(child, 'exit');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      child.kill('SIGTERM');
      const [code] = await exited;
      clearTimeout(timer);
      if (code !== 0) throw new Error(`${this.name} ended with ${code ?? 'SIGKILL'} after SIGTERM`);
    } finally {
      this.#end();
    }
  }

  async #untilReady(sign: ReadySign): Promise<void> {
    const child = this.process;
    for (let waitedMs = 0; waitedMs < READY_DEADLINE_MS; waitedMs += READY_EVERY_MS) {
      if ('text' in sign ? sign.text.test(this.#output) : await isOpen(sign.port)) return;
      const code = child.exitCode ?? child.signalCode;
      if (code !== null) throw new Error(`${this.name} ended with ${code}:\n${this.#output}`);
      await sleep(READY_EVERY_MS);
    }
    throw new Error(`${this.name} is not ready:\n${this.#output}`);
  }

  #end(): void {
    this.#forget();
    this.#remove();
  }

  #remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @returns a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
