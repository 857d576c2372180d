/** Who watches and serves the devices: each a client that subscribes and stays. Runs on the generator's threads. */
import type { DayScenario } from '../../scenarios/scenario.js';

/**
 * `watcher` hears of devices that are gone; `viewer` looks at the states of one site after the other; `commander` sends
 * commands.
 */
export type Role = 'dashboard' | 'backEnd' | 'watcher' | 'viewer' | 'commander';

export class ServerPart {
  isReady = false;
  /** By device: number of its message that came last. */
  readonly lastSequences: Uint32Array;

  constructor(
    readonly role: Role,
    readonly name: string,
    devices: number,
  ) {
    this.lastSequences = new Uint32Array(devices);
  }
}

/** @returns those of one thread */
export function serverParts(scenario: DayScenario, thread: number, threads: number): ServerPart[] {
  const { dashboards, backEnds, devices } = scenario;
  const all: readonly (readonly [Role, string])[] = [
    ...Array.from({ length: dashboards }, (_, i) => ['dashboard', `dashboard${i}`] as const),
    ...Array.from({ length: backEnds }, (_, i) => ['backEnd', `back${i}`] as const),
    ['watcher', 'watcher'],
    ['viewer', 'viewer'],
    ['commander', 'commander'],
  ];
  return all
    .filter((_, i) => i % threads === thread)
    .map(([role, name]) => new ServerPart(role, name, devices));
}
