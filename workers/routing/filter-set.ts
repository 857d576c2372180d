/** A set of filters by their numbers, a bit for each. On a shard's worker thread. */

const BITS = 32;
const WORDS_START = 64;

export class FilterSet {
  private words = new Int32Array(WORDS_START);

  has(filter: number): boolean {
    return ((this.words[filter >>> 5] ?? 0) & (1 << (filter & (BITS - 1)))) !== 0;
  }

  add(filter: number): void {
    const word = filter >>> 5;
    if (word >= this.words.length) {
      const words = new Int32Array(Math.max(word + 1, this.words.length * 2));
      words.set(this.words);
      this.words = words;
    }
    this.words[word]! |= 1 << (filter & (BITS - 1));
  }

  delete(filter: number): void {
    const word = filter >>> 5;
    if (word < this.words.length) this.words[word]! &= ~(1 << (filter & (BITS - 1)));
  }
}
