/** One share group: its members on this shard, their number on others, and whose turn it is. On a shard's thread. */
import { mixBits } from './byte-hash.js';

/** Stands before the name of a group whose subscriptions have it. */
export const LOCAL_PREFIX = '$local/';

/** How a group chooses the member for a message; for the hashing ones the caller gives the hash. */
export type ShareStrategy = 'random' | 'round_robin' | 'sticky' | 'hash_clientid' | 'hash_topic';

/**
 * The publisher's shard calls `pickShard`, the shard it names calls `pickMember`. A shard's chance is its share of
 * the members, so every member has the same chance wherever it is. Offline members count only while none is online.
 */
export class ShareGroup<S extends object> {
  /** Online members first: those below `onlineCount`. */
  private readonly members: S[] = [];
  private readonly options: number[] = [];
  private readonly identifiers: number[] = [];
  private readonly places = new Map<S, number>();
  private onlineMembers = 0;
  /** By shard, this one included. */
  private readonly online: number[] = [];
  private readonly offline: number[] = [];
  private readonly peerIds: number[] = [];
  /** Of `online` and `offline` together; for this shard in `durableCount`. */
  private readonly durable: number[] = [];
  private durableElsewhere = 0;
  /** A bit per shard that has died and not yet said who of its members is back. */
  private staleMask = 0;
  /** Members on this shard that outlive their connections. */
  durableCount = 0;
  private membersElsewhere = 0;
  private shardTurn = 0;
  private memberTurn = 0;
  private stickyShard = -1;
  private stickyMember: S | null = null;
  /** Place of the member picked last: the one whose options are asked for next. */
  private pickedPlace = 0;
  /** What peers were told last. */
  toldOnline = 0;
  toldOffline = 0;
  toldDurable = 0;

  /**
   * @param name as announced to peers: `$local/` in front when its subscriptions have it, for such a group is another
   * @param id this shard's number for it, never given to another group
   * @param filterId number of `filter` in this shard's tree
   * @param index place in this shard's list of groups; used again after the group is closed
   */
  constructor(
    readonly filter: string,
    readonly name: string,
    readonly id: number,
    private readonly shard: number,
    readonly filterId: number,
    readonly index: number,
  ) {
    this.reachShard(shard);
  }

  /** Members on this shard. */
  get memberCount(): number {
    return this.members.length;
  }

  get onlineCount(): number {
    return this.onlineMembers;
  }

  get offlineCount(): number {
    return this.members.length - this.onlineMembers;
  }

  /** Some member, here or elsewhere, has a connection. */
  get hasOnline(): boolean {
    return sumOf(this.online, 0) > 0;
  }

  /** Nobody is in the group, here or elsewhere. */
  get isEmpty(): boolean {
    return this.members.length === 0 && this.membersElsewhere === 0;
  }

  /** Adds somebody who is not a member. */
  add(member: S, isOnline: boolean, options: number, identifier: number): void {
    this.places.set(member, this.members.length);
    this.members.push(member);
    this.options.push(options);
    this.identifiers.push(identifier);
    if (isOnline) this.setOnline(member, true);
    this.recount();
  }

  /** Changes a member's options and subscription identifier. */
  update(member: S, options: number, identifier: number): void {
    const place = this.places.get(member)!;
    this.options[place] = options;
    this.identifiers[place] = identifier;
  }

  remove(member: S): void {
    if (!this.places.has(member)) return;
    this.setOnline(member, false);
    this.swap(this.places.get(member)!, this.members.length - 1);
    this.places.delete(member);
    this.members.pop();
    this.options.pop();
    this.identifiers.pop();
    if (this.stickyMember === member) this.stickyMember = null;
    this.recount();
  }

  /** Some member, here or elsewhere, outlives its connection. */
  get hasDurable(): boolean {
    return this.durableElsewhere > 0 || this.durableCount > 0;
  }

  /** Some member on another shard outlives its connection. */
  hasDurableOn(shard: number): boolean {
    return shard < this.durable.length && this.durable[shard]! > 0;
  }

  has(member: S): boolean {
    return this.places.has(member);
  }

  /** Tells whether a member has a connection now. */
  setOnline(member: S, isOnline: boolean): void {
    const place = this.places.get(member);
    if (place === undefined || place < this.onlineMembers === isOnline) return;
    if (isOnline) {
      this.swap(place, this.onlineMembers);
      this.onlineMembers += 1;
    } else {
      this.onlineMembers -= 1;
      this.swap(place, this.onlineMembers);
    }
    this.recount();
  }

  /** The member's subscription options byte, -1 when it is no member. */
  optionsOf(member: S): number {
    const place = this.placeOf(member);
    return place === -1 ? -1 : this.options[place]!;
  }

  /** The member's subscription identifier, 0 for none. */
  identifierOf(member: S): number {
    const place = this.placeOf(member);
    return place === -1 ? 0 : this.identifiers[place]!;
  }

  private placeOf(member: S): number {
    if (this.members[this.pickedPlace] === member) return this.pickedPlace;
    return this.places.get(member) ?? -1;
  }

  /** What another shard announced: its number for this group, and its members. */
  setPeer(shard: number, groupId: number, online: number, offline: number, durable: number): void {
    this.reachShard(shard);
    this.staleMask &= ~(1 << shard);
    this.durableElsewhere += durable - this.durable[shard]!;
    this.durable[shard] = durable;
    this.membersElsewhere += online + offline - this.online[shard]! - this.offline[shard]!;
    this.online[shard] = online;
    this.offline[shard] = offline;
    this.peerIds[shard] = groupId;
  }

  /** The shard is dead: of its members those stay that will be back with it, until it has said who they are. */
  leaveDurable(shard: number): void {
    const durable = this.durable[shard]!;
    this.setPeer(shard, -1, 0, durable, durable);
    if (durable > 0) this.staleMask |= 1 << shard;
  }

  isStaleOn(shard: number): boolean {
    return (this.staleMask & (1 << shard)) !== 0;
  }

  /** Another shard's number for this group, -1 when it has announced no members. */
  idOn(shard: number): number {
    return this.hasMembersOn(shard) ? this.peerIds[shard]! : -1;
  }

  hasMembersOn(shard: number): boolean {
    return shard < this.online.length && this.online[shard]! + this.offline[shard]! > 0;
  }

  /**
   * The shard whose member shall get the next message; this one or another.
   * @param hash 32 bits; used by the hashing strategies only
   * @param triedMask bit per shard that had no member left after all
   * @returns -1 when there is nobody
   */
  pickShard(strategy: ShareStrategy, hash: number, triedMask: number): number {
    if (this.membersElsewhere === 0) {
      return this.members.length > 0 && ((triedMask >>> this.shard) & 1) === 0 ? this.shard : -1;
    }
    let weights = this.online;
    let total = sumOf(weights, triedMask);
    if (total === 0) {
      weights = this.offline;
      total = sumOf(weights, triedMask);
      if (total === 0) return -1;
    }
    switch (strategy) {
      case 'round_robin': {
        const turn = this.shardTurn % total;
        this.shardTurn = turn + 1;
        // From here on, so that the publishers' shards do not all begin with the same one.
        return this.shardAt(weights, triedMask, turn, this.shard);
      }
      case 'sticky': {
        const last = this.stickyShard;
        if (last !== -1 && ((triedMask >>> last) & 1) === 0 && weights[last]! > 0) return last;
        this.stickyShard = this.shardAt(weights, triedMask, Math.floor(Math.random() * total), 0);
        return this.stickyShard;
      }
      case 'random':
        return this.shardAt(weights, triedMask, Math.floor(Math.random() * total), 0);
      default:
        return this.shardAt(weights, triedMask, (hash >>> 0) % total, 0);
    }
  }

  /** The shard of the member number `place`, counting the untried shards' members from shard `first` round. */
  private shardAt(weights: number[], triedMask: number, place: number, first: number): number {
    let shard = first;
    for (;;) {
      if (((triedMask >>> shard) & 1) === 0) {
        place -= weights[shard]!;
        if (place < 0) return shard;
      }
      shard = shard + 1 === weights.length ? 0 : shard + 1;
    }
  }

  /**
   * The member of this shard that shall get the next message.
   * @param exclude the one that has just failed to take it, or null
   * @returns null when there is nobody else
   */
  pickMember(strategy: ShareStrategy, hash: number, exclude: S | null): S | null {
    const excluded = exclude === null ? -1 : this.placeOf(exclude);
    const isOnlineExcluded = excluded !== -1 && excluded < this.onlineMembers;
    if (this.onlineMembers - (isOnlineExcluded ? 1 : 0) > 0) {
      return this.memberFrom(0, this.onlineMembers, strategy, hash, isOnlineExcluded ? excluded : -1);
    }
    const isOfflineExcluded = excluded !== -1 && !isOnlineExcluded;
    if (this.members.length - this.onlineMembers - (isOfflineExcluded ? 1 : 0) > 0) {
      const from = this.onlineMembers;
      return this.memberFrom(from, this.members.length, strategy, hash, isOfflineExcluded ? excluded : -1);
    }
    return null;
  }

  /** Chooses among the members `[from, to)` without `excluded`, of which there is at least one. */
  private memberFrom(from: number, to: number, strategy: ShareStrategy, hash: number, excluded: number): S {
    if (strategy === 'sticky' && this.stickyMember !== null) {
      const place = this.places.get(this.stickyMember)!;
      if (place >= from && place < to && place !== excluded) return this.stickyMember;
    }
    const choices = to - from - (excluded === -1 ? 0 : 1);
    let place = from + this.choose(strategy, hash, choices);
    if (excluded !== -1 && place >= excluded) place += 1;
    const member = this.members[place]!;
    if (strategy === 'sticky') this.stickyMember = member;
    this.pickedPlace = place;
    return member;
  }

  private choose(strategy: ShareStrategy, hash: number, choices: number): number {
    switch (strategy) {
      case 'round_robin': {
        const turn = this.memberTurn % choices;
        this.memberTurn = turn + 1;
        return turn;
      }
      case 'random':
      case 'sticky':
        return Math.floor(Math.random() * choices);
      default:
        // Mixed again: what led to this shard says nothing about the member then.
        return (mixBits(hash) >>> 0) % choices;
    }
  }

  private swap(a: number, b: number): void {
    if (a === b) return;
    swapIn(this.members, a, b);
    swapIn(this.options, a, b);
    swapIn(this.identifiers, a, b);
    this.places.set(this.members[a]!, a);
    this.places.set(this.members[b]!, b);
  }

  private recount(): void {
    this.online[this.shard] = this.onlineMembers;
    this.offline[this.shard] = this.members.length - this.onlineMembers;
  }

  private reachShard(shard: number): void {
    while (this.online.length <= shard) {
      this.online.push(0);
      this.offline.push(0);
      this.peerIds.push(-1);
      this.durable.push(0);
    }
  }
}

function sumOf(weights: number[], triedMask: number): number {
  let sum = 0;
  for (let shard = 0; shard < weights.length; shard += 1) {
    if (((triedMask >>> shard) & 1) === 0) sum += weights[shard]!;
  }
  return sum;
}

function swapIn<T>(array: T[], a: number, b: number): void {
  const kept = array[a]!;
  array[a] = array[b]!;
  array[b] = kept;
}

/** With `$local/` in front, for that is another group; share names have no slash of their own. */
export function groupName(group: string, local: boolean): string {
  return local ? LOCAL_PREFIX + group : group;
}
