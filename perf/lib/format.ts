/** Figures as they are shown in tables and on pages. Pure. */

/** `379,120`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `2,979 k`, `95.2 k`, `312`. */
export function short(value: number): string {
  if (value >= 100_000) return `${count(value / 1_000)} k`;
  return value >= 10_000 ? `${(value / 1_000).toFixed(1)} k` : count(value);
}

/** Three digits, as far as they say something. */
export function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`;
}

export function megabytes(value: number): string {
  return (value / 2 ** 20).toFixed(0);
}

export function bytes(value: number): string {
  return `${(value / 1024).toFixed(1)} KB`;
}
