/** Who may do what, as main has it: the rules of `acl.conf` and the bans, told to every shard. Main thread. */
import { AclFile } from '../access/acl-file.js';
import { bansIn } from '../access/ban-document.js';
import { BanList } from '../access/bans.js';
import type { AccessStart, AccessUpdate } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import type { Documents } from '../base/document.js';
import type { Logger } from '../base/log.js';
import { type AlarmEvents, ReloadAlarm } from '../sys/reload-alarm.js';

export interface AccessSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: AlarmEvents;
  /** Resolves when every shard has it in force. */
  update(change: AccessUpdate): Promise<void>;
}

export class AccessFiles {
  readonly acl: AclFile;
  readonly bans: BanList;

  /** @throws BrokerError when it cannot be known who is banned */
  constructor(aclPath: string, store: Documents, { clock, logger, alarms, update }: AccessSurroundings) {
    const alarm = new ReloadAlarm('acl_reload_failed', 'new access rules are not in force', clock, alarms);
    this.acl = new AclFile(aclPath, logger, {
      update: (rules) => update({ rules, bans: null }),
      reloadFailed: (reason) => alarm.failed(reason),
      reloaded: () => alarm.succeeded(),
    });
    this.bans = new BanList(bansIn(store), clock, logger, {
      update: (bans) => update({ rules: null, bans }),
    });
  }

  /** For a shard that starts. */
  atStart(): AccessStart {
    return { rules: this.acl.rules, bans: this.bans.list() };
  }
}
