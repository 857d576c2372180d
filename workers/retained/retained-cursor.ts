/** A walk over the retained messages that match a filter, in slices. Runs in the shard that owns them. */
import type { Message } from '../../src/protocol/message.js';
import { ROOT, type TopicTree } from './topic-tree.js';

/** What a cursor asks of the store that opened it. */
export interface ExpiryRule {
  isExpired(message: Message, nowMs: number): boolean;
}

/**
 * Depth first, and always at one node: the way back goes by the nodes' parents, so that a walk costs no memory however
 * deep or wide the tree is. Between two slices the node is pinned, and the tree may change in any way: a topic that is
 * there all the time comes exactly once, one that comes or goes meanwhile comes once or not at all.
 */
export class RetainedCursor {
  private readonly tree: TopicTree;
  private readonly expiry: ExpiryRule;
  /** The filter's levels without a last `#`; null: `+`. */
  private readonly levels: readonly (Uint8Array | null)[];
  private readonly hasHash: boolean;

  private node = ROOT;
  /** Levels from the root to `node`. */
  private depth = 0;
  /** What lies below `node` has been walked, or cannot match. */
  private isClimbing = false;
  private isDone = false;

  constructor(tree: TopicTree, expiry: ExpiryRule, filter: string) {
    this.tree = tree;
    this.expiry = expiry;
    const levels = filter.split('/');
    this.hasHash = levels.at(-1) === '#';
    if (this.hasHash) levels.pop();
    this.levels = levels.map((level) => (level === '+' ? null : Buffer.from(level, 'utf8')));
  }

  /**
   * Appends matching messages to `out` until they have `bytesMax` bytes (by their `size`, and not before there is one)
   * or `nodesMax` steps through the tree are done. Expired ones are left out.
   * @returns true when there are no more; the cursor is closed then.
   */
  next(nowMs: number, bytesMax: number, nodesMax: number, out: Message[]): boolean {
    if (this.isDone) return true;
    const pinned = this.node;
    let bytes = 0;
    for (let left = nodesMax; left > 0 && bytes < bytesMax && !this.isDone; left -= 1) {
      if (this.isClimbing) {
        this.climb();
        continue;
      }
      const message = this.match();
      if (message !== null && !this.expiry.isExpired(message, nowMs)) {
        out.push(message);
        bytes += message.size;
      }
      this.descend();
    }
    if (this.node !== ROOT) this.tree.pin(this.node);
    if (pinned !== ROOT) this.tree.unpin(pinned);
    return this.isDone;
  }

  /** Ends the walk before its end. Without it the tree keeps the node at which the walk stands. */
  close(): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.node !== ROOT) this.tree.unpin(this.node);
    this.node = ROOT;
  }

  private match(): Message | null {
    const { length } = this.levels;
    const isMatch = this.hasHash ? this.depth >= length : this.depth === length;
    return isMatch && !this.isHidden() ? this.tree.messageAt(this.node) : null;
  }

  /** Filters that begin with a wildcard do not match topics that begin with `$` (v3, v5 [MQTT-4.7.2-1]). */
  private isHidden(): boolean {
    return this.depth === 1 && this.isWild(0) && this.tree.isDollar(this.node);
  }

  private isWild(level: number): boolean {
    return level < this.levels.length ? this.levels[level] === null : this.hasHash;
  }

  private descend(): void {
    const child = this.isHidden() ? ROOT : this.firstChild();
    if (child === ROOT) {
      this.isClimbing = true;
    } else {
      this.node = child;
      this.depth += 1;
    }
  }

  private firstChild(): number {
    if (this.isWild(this.depth)) return this.tree.firstChildOf(this.node);
    if (this.depth >= this.levels.length) return ROOT;
    const level = this.levels[this.depth]!;
    return this.tree.child(this.node, level!, 0, level!.length);
  }

  /** One step to the next sibling or up. */
  private climb(): void {
    if (this.depth === 0) {
      this.isDone = true;
      return;
    }
    const sibling = this.isWild(this.depth - 1) ? this.tree.nextOf(this.node) : ROOT;
    if (sibling === ROOT) {
      this.node = this.tree.parentOf(this.node);
      this.depth -= 1;
    } else {
      this.node = sibling;
      this.isClimbing = false;
    }
  }
}
