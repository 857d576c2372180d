/** Names and numbers that all clients of a day share. Runs on the generator's threads. */
import type { DayScenario } from '../../scenarios/scenario.js';

/** Messages that are counted on their own; each by the thread whose client has sent them. */
export const STREAM = { telemetry: 0, reports: 1, commands: 2, wills: 3, states: 4 } as const;
export type Stream = (typeof STREAM)[keyof typeof STREAM];
const STREAMS = 5;

/** @returns how many streams are counted, over all threads */
export function dayStreams(threads: number): number {
  return STREAMS * threads;
}

/** @returns the place of a stream's counters */
export function streamAt(stream: Stream, sender: number, threads: number): number {
  return stream * threads + sender;
}

/** @returns how many clients there are */
export function dayClients({ devices, dashboards, backEnds }: DayScenario): number {
  return devices + dashboards + backEnds + 3;
}

/** The topics and filters of one run. */
export class Fleet {
  readonly telemetryFilter: string;
  readonly reportFilter: string;
  readonly willFilter: string;

  constructor(
    readonly scenario: DayScenario,
    readonly runId: string,
  ) {
    this.telemetryFilter = `${runId}/site/+/device/+/telemetry`;
    this.reportFilter = `$share/work/${runId}/site/+/device/+/report`;
    this.willFilter = `${runId}/site/+/device/+/gone`;
  }

  get sites(): number {
    return Math.ceil(this.scenario.devices / this.scenario.devicesPerSite);
  }

  siteOf(device: number): number {
    return Math.floor(device / this.scenario.devicesPerSite);
  }

  /** @returns how many devices are at a site */
  devicesAt(site: number): number {
    const { devices, devicesPerSite } = this.scenario;
    return Math.min(devicesPerSite, devices - site * devicesPerSite);
  }

  topic(device: number, kind: 'telemetry' | 'report' | 'state' | 'command' | 'gone'): string {
    return `${this.runId}/site/${this.siteOf(device)}/device/${device}/${kind}`;
  }

  stateFilter(site: number): string {
    return `${this.runId}/site/${site}/device/+/state`;
  }
}

/** Turns a rate into numbers of things to do. */
export class Pace {
  #done = 0;

  constructor(readonly perSecond: number) {}

  /** @returns how many are due at `elapsedMs` after the start, beside those that have been asked for */
  due(elapsedMs: number): number {
    const due = Math.floor((elapsedMs * this.perSecond) / 1000) - this.#done;
    this.#done += Math.max(0, due);
    return Math.max(0, due);
  }
}
