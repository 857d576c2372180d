/** What a shard tells main, as events. Runs on the shard's thread. */
import type { ShardEvent } from '../src/actor/shard-protocol.js';
import type { MainLine } from './core.js';

export function mainLine(tell: (event: ShardEvent) => void, closed: MainLine['closed']): MainLine {
  return {
    closed,
    log: (level, message, fields = {}) => tell({ kind: 'event', type: 'log', level, message, fields }),
    pluginTold: (message) => tell({ kind: 'event', type: 'plugin.told', message }),
    pluginHeard: (heard) => tell({ kind: 'event', type: 'plugin.heard', heard }),
    pluginFailed: (failed) => tell({ kind: 'event', type: 'plugin.failed', failed }),
    raiseAlarm: (alarm) => tell({ kind: 'event', type: 'alarm.raised', alarm }),
    flapping: (clientId) => tell({ kind: 'event', type: 'client.flapping', clientId }),
    clearAlarm: (id) => tell({ kind: 'event', type: 'alarm.cleared', id }),
  };
}
