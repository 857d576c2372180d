/** Answers each login after half a second. Runs on the shard's thread. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CreateShardPart } from '../../../src/plugins/api.js';

const ANSWER_AFTER_MS = 500;

const createShardPart: CreateShardPart = () => ({
  hooks: { 'client.authenticate': () => sleep(ANSWER_AFTER_MS, { allow: true }) },
});

export default createShardPart;
