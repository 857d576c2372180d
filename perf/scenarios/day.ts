/** A bit of everything at the pace of a real installation: what a day costs, not what is possible. */
import type { Family } from './scenario.js';

export const day: Family = {
  name: 'day',
  about:
    'devices with telemetry, reports, commands, retained state, wills and reconnects; who watches and serves them',
  scenarios: [
    {
      kind: 'day',
      name: 'day-5000',
      title: 'a day of 5,000 devices',
      devices: 5_000,
      devicesPerSite: 50,
      dashboards: 3,
      backEnds: 10,
      telemetryPerSecond: 1,
      reportsPerSecond: 0.2,
      commandsPerSecond: 0.1,
      reconnectsPerSecond: 0.02,
      payloadBytes: 64,
    },
  ],
};
