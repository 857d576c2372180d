/**
 * Which topics have messages in the outbox that are not safe yet: what follows on one of them must not overtake. May
 * say yes for others, as their hashes fall together. Runs on the shard's thread.
 */

/**
 * 32,768 marks: while commits fail, hundreds of topics may be marked for as long as that takes, and whoever shares a
 * mark with one of them waits as long. Cleared per commit, so not larger.
 */
const WORDS = 1_024;
const WORD_BITS = 10;

export class TopicMarks {
  /** Of messages that no commit has taken yet, and of those in the commit under way; a bit per mark. */
  private gathered = new Int32Array(WORDS);
  private taken = new Int32Array(WORDS);
  private hasGathered = false;
  private hasTaken = false;

  get isEmpty(): boolean {
    return !this.hasGathered && !this.hasTaken;
  }

  /** `hash`: 32 bits of the topic. */
  add(hash: number): void {
    this.gathered[hash & (WORDS - 1)]! |= 1 << (hash >>> WORD_BITS);
    this.hasGathered = true;
  }

  has(hash: number): boolean {
    const word = hash & (WORDS - 1);
    return ((this.gathered[word]! | this.taken[word]!) & (1 << (hash >>> WORD_BITS))) !== 0;
  }

  /** A commit begins. */
  take(): void {
    const { gathered, hasGathered } = this;
    this.gathered = this.taken;
    this.hasGathered = false;
    this.taken = gathered;
    this.hasTaken = hasGathered;
  }

  /** What the commit held is safe. */
  clearTaken(): void {
    if (this.hasTaken) this.taken.fill(0);
    this.hasTaken = false;
  }
}
