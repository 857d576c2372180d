/** In place of a shard: its thread dies, or the task is over at once. */
export function run({ incarnation }: { readonly incarnation: number }): Promise<void> {
  if (incarnation > 1) return Promise.resolve();
  setImmediate(() => {
    throw new Error('died');
  });
  return new Promise(() => {});
}
