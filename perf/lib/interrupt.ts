/** What has to be undone when the command is interrupted: brokers that run, folders that were made. Main thread. */

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

const undoings = new Set<() => void>();

/** Has `undo` called when the process is interrupted. It must not wait for anything. @returns what forgets it */
export function whenInterrupted(undo: () => void): () => void {
  undoings.add(undo);
  return () => undoings.delete(undo);
}

/** To be called once by a command: from now on a signal undoes everything, latest first, and ends the process. */
export function endOnSignals(): void {
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      for (const undo of [...undoings].reverse()) undo();
      process.exit(128 + number);
    });
  }
}
