/** Calling code that is not ours. Any thread. */

/** Calls it; `failed` hears what it throws, or what becomes of the promise that it returns all the same. */
export function guarded(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const given = call();
    if (isPromise(given)) Promise.resolve(given).catch(failed);
  } catch (error) {
    failed(error);
  }
}

export function isPromise(given: unknown): given is PromiseLike<unknown> {
  return (
    typeof given === 'object' && given !== null && typeof (given as PromiseLike<unknown>).then === 'function'
  );
}
