/** The way to the filter that was put into a tree last, without its last level. On the shard's worker thread. */
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import { IntVector } from './int-arrays.js';
import { ROOT } from './node-store.js';

export class FilterPath {
  /** Of the levels followed or pushed, each with the slash behind it. */
  bytes = 0;
  private readonly text = new Uint8Array(TOPIC_BYTES_MAX);
  /** By level: where it ends, its slash included, and its node. */
  private readonly ends = new IntVector();
  private readonly nodes = new IntVector();

  /** Nodes may be gone. */
  clear(): void {
    this.bytes = this.ends.length = this.nodes.length = 0;
  }

  /** Keeps the levels that `text[start, end)` begins with. @returns the node they lead to */
  follow(text: Uint8Array, start: number, end: number): number {
    const { ends, nodes } = this;
    const known = this.text;
    const max = Math.min(end - start, this.bytes);
    let same = 0;
    while (same < max && known[same] === text[start + same]) same += 1;
    let levels = ends.length;
    while (levels > 0 && ends.items[levels - 1]! > same) levels -= 1;
    ends.length = nodes.length = levels;
    this.bytes = levels === 0 ? 0 : ends.items[levels - 1]!;
    return levels === 0 ? ROOT : nodes.items[levels - 1]!;
  }

  /** The next level is `text[start, stop)`, with a slash at `stop`. */
  push(text: Uint8Array, start: number, stop: number, node: number): void {
    let at = this.bytes;
    for (let from = start; from <= stop; from += 1, at += 1) this.text[at] = text[from]!;
    this.bytes = at;
    this.ends.push(at);
    this.nodes.push(node);
  }
}
