/** Looks at the retained states of one site after the other. Runs on the generator's threads. */
import { subscribePacket, unsubscribePacket } from '../packets.js';
import type { Fleet } from './fleet.js';

const PAUSE_MS = 100;

export class Viewer {
  /** Devices of the site whose state has not come. */
  missing = 0;
  #site = -1;
  #round = 0;
  /** By device: the round in which its state came. */
  readonly #rounds: Uint32Array;
  #isSubscribed = false;
  #isIdle = true;
  #nextMs = 0;

  constructor(private readonly fleet: Fleet) {
    this.#rounds = new Uint32Array(fleet.scenario.devices);
  }

  /** @returns what asks for the next site, when it is time */
  begin(nowMs: number): Buffer | null {
    if (!this.#isIdle || nowMs < this.#nextMs) return null;
    this.#isIdle = false;
    this.#isSubscribed = false;
    this.#nextMs = nowMs + PAUSE_MS;
    this.#site = (this.#site + 1) % this.fleet.sites;
    this.#round++;
    this.missing = this.fleet.devicesAt(this.#site);
    return subscribePacket([this.fleet.stateFilter(this.#site)], 0);
  }

  /** A state has come, retained or because it changed just now. @returns whether the device's first of this round */
  isFirst(device: number): boolean {
    if (this.fleet.siteOf(device) !== this.#site || this.#rounds[device] === this.#round) return false;
    this.#rounds[device] = this.#round;
    this.missing--;
    return true;
  }

  onSuback(): Buffer | null {
    this.#isSubscribed = true;
    return this.next();
  }

  /** @returns what ends the round, once, when all has come */
  next(): Buffer | null {
    if (this.missing > 0 || !this.#isSubscribed) return null;
    this.#isSubscribed = false;
    return unsubscribePacket(this.fleet.stateFilter(this.#site));
  }

  onUnsuback(): null {
    this.#isIdle = true;
    return null;
  }
}
