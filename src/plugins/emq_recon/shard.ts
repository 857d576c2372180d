/** Collects garbage in its shard when the main part asks. Runs on the shard's thread. */
import type { CreateShardPart } from '../api.js';

const createShardPart: CreateShardPart = () => ({
  onMessage() {
    globalThis.gc?.();
  },
});

export default createShardPart;
