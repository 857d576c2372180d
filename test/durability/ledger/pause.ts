/** The pauses that the ledger's clients and deaths make at random. */

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
