/**
 * A line between a test and a seam's module that every shard has loaded: the module says what it sees, the test says
 * what it is to do. One BroadcastChannel per broker; its name travels in the module's URL. On both kinds of threads.
 */
import { BroadcastChannel } from 'node:worker_threads';

/** How long a word from a seam may take. Only a test that fails waits so long. */
const DEADLINE_MS = 8_000;

const MODULES = {
  store: new URL('./store.js', import.meta.url),
  flush: new URL('./flush.js', import.meta.url),
  hooks: new URL('./hooks.js', import.meta.url),
  link: new URL('./link.js', import.meta.url),
};

let lastName = 0;

/** The test's end of the line. */
export class SeamRemote {
  /** What the seams of all shards have said, in the order of its arrival. */
  readonly words: string[] = [];
  private readonly name: string;
  private readonly channel: BroadcastChannel;
  private wake: (() => void) | null = null;

  constructor() {
    lastName += 1;
    this.name = `seam-${process.pid}-${lastName}`;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = (event) => {
      this.words.push(String((event as { data: unknown }).data));
      this.wake?.();
    };
  }

  /** The URL of a seam's module that behaves as `mode` says. */
  module(kind: keyof typeof MODULES, mode: string): string {
    const url = new URL(MODULES[kind]);
    url.searchParams.set('mode', mode);
    url.searchParams.set('channel', this.name);
    return url.href;
  }

  /** Tells the module in every shard. */
  tell(word: string): void {
    this.channel.postMessage(word);
  }

  /** Waits until the seams have said this so often. */
  async heard(word: string, times = 1): Promise<void> {
    const deadlineMs = Date.now() + DEADLINE_MS;
    while (this.count(word) < times) {
      if (Date.now() > deadlineMs) throw new Error(`no seam has said ${word} ${times} times`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs - Date.now());
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  count(word: string): number {
    return this.words.filter((each) => each === word).length;
  }

  close(): void {
    this.channel.close();
  }
}

/** The module's end of the line. */
export interface SeamSide {
  readonly mode: string;
  say(word: string): void;
  onWord(take: (word: string) => void): void;
}

/** @param url of the module itself, as SeamRemote has made it. */
export function seamSide(url: string): SeamSide {
  const { searchParams } = new URL(url);
  const channel = new BroadcastChannel(searchParams.get('channel') ?? 'seam');
  // The line alone keeps no shard alive.
  channel.unref();
  return {
    mode: searchParams.get('mode') ?? '',
    say: (word) => channel.postMessage(word),
    onWord: (take) => {
      channel.onmessage = (event) => take(String((event as { data: unknown }).data));
    },
  };
}
