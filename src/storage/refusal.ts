/** Why a broker cannot start with what is in its data directory. On shards and on main. */

/** Another attempt would end the same way. Its message is a line for people and says what to do. */
export class StoreRefusal extends Error {}

/** @param where what a later version has written, in words for people */
export function writtenLater(where: string): StoreRefusal {
  return new StoreRefusal(
    `the data directory was written by a later version of shardmq (${where}): start that version, or restore a backup`,
  );
}
