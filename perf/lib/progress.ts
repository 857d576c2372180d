/** What is going on: a line that is written over on a terminal, plain lines elsewhere. */

/** The part of a stream that is needed; tests have their own. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const WIDTH = 80;
/** To the beginning of the line, and whatever is behind it gone. */
const OVER = '\r\u001b[K';

export class Progress {
  #done = 0;

  /** @param total runs */
  constructor(
    private readonly screen: Screen,
    private readonly total: number,
  ) {}

  /** A run begins. */
  begin(text: string): void {
    if (this.screen.isTTY === true) this.#over(`${this.#place(this.#done + 1)} ${text}`);
  }

  /** It is over, with these figures. */
  end(text: string, figures: string): void {
    this.#done += 1;
    const line = `${this.#place(this.#done)} ${text}: ${figures}`;
    if (this.screen.isTTY === true) this.#over(line);
    else this.screen.write(`${line}\n`);
  }

  /** Nothing is left of the line. */
  clear(): void {
    if (this.screen.isTTY === true) this.screen.write(OVER);
  }

  #place(number: number): string {
    return `[${number}/${this.total}]`;
  }

  #over(text: string): void {
    this.screen.write(`${OVER}${text.slice(0, (this.screen.columns ?? WIDTH) - 1)}`);
  }
}
