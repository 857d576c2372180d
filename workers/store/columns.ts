/** Columns of numbers that grow. Runs on the shard's thread. */

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** @returns a column of the same kind with the same numbers and twice the room. */
export function doubled<T extends Column>(column: T): T {
  const Kind = column.constructor as new (length: number) => T;
  const grown = new Kind(column.length * 2);
  grown.set(column);
  return grown;
}
