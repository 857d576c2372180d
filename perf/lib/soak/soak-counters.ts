/** The numbers that a soak's thread and its main thread share. */

/** `over`: no client is left. */
export const SOAK_PHASE = { run: 0, end: 1, over: 2, stop: 3 } as const;

/** Indexes into `figures`. */
export const SOAK = { lives: 0, messages: 1 } as const;

const FIGURES_AT = 8;
const FIGURES = 2;

export class SoakCounters {
  /** One number, of SOAK_PHASE. */
  readonly phase: Int32Array;
  readonly figures: Float64Array;

  constructor(readonly buffer = new SharedArrayBuffer(FIGURES_AT + FIGURES * 8)) {
    this.phase = new Int32Array(buffer, 0, 1);
    this.figures = new Float64Array(buffer, FIGURES_AT, FIGURES);
  }
}
