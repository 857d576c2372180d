/** Standard output: for people on a terminal, for programs in a pipe or as JSON. Main thread. */
import { displayJson } from './display-text.js';

/** Whoever reads has gone, such as `head`: there is nobody left to do anything for. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** What `Output` needs of `process.stdout`. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

const TERMINAL_WIDTH = 80;

export class Output {
  readonly #stream: OutputStream;

  constructor(
    stream: OutputStream,
    /** JSON, one value per line. */
    readonly isJson: boolean,
  ) {
    this.#stream = stream;
    // Whoever writes is told as well; without a listener the process would end.
    stream.on('error', () => undefined);
  }

  /** Columns of the terminal; null where it is none. */
  get width(): number | null {
    if (this.#stream.isTTY !== true) return null;
    const { columns = 0 } = this.#stream;
    return columns > 0 ? columns : TERMINAL_WIDTH;
  }

  /** Resolves when they have been taken, so that what is written never heaps up. @throws ReaderGone */
  lines(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#stream.write(`${lines.join('\n')}\n`, (error) => {
        if (error == null) resolve();
        else reject('code' in error && error.code === 'EPIPE' ? new ReaderGone() : error);
      });
    });
  }

  json(values: readonly unknown[]): Promise<void> {
    return this.lines(values.map(displayJson));
  }
}
