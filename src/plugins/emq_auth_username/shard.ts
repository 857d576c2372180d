/** Asks main for the password of a client's user name. Runs on the shard's thread. */
import type { CreateShardPart } from '../api.js';
import { PasswordShardPart } from '../shared/password-shard.js';

const createShardPart: CreateShardPart = (context) =>
  new PasswordShardPart(context, (attempt) => attempt.username);

export default createShardPart;
