/**
 * Who may publish and subscribe to what: superusers everything; then plugins, then `mqtt.acl_nomatch` decides.
 * Runs on the shard's thread.
 */
import type { AccessAnswer } from '../../src/plugins/api.js';
import type { Client } from '../connection/client.js';
import type { Core } from '../core.js';
import { Pending } from '../hooks/pending.js';

export class AccessControl {
  private readonly isAllowedByDefault: boolean;

  constructor(private readonly core: Core) {
    this.isAllowedByDefault = core.config['mqtt.acl_nomatch'] === 'allow';
  }

  /** False: everybody may do everything, and nobody need be asked. */
  get isOn(): boolean {
    return this.core.hooks.authorize !== null || !this.isAllowedByDefault;
  }

  /** @returns whether the client may; `topic` is what it knows it by, a filter without its prefixes for subscribe. */
  authorize(client: Client, action: 'publish' | 'subscribe', topic: string): boolean | Pending<boolean> {
    if (client.isSuperuser) return true;
    const { authorize } = this.core.hooks;
    if (authorize === null) return this.isAllowedByDefault;
    const answer = authorize({ client: client.info, action, topic });
    return answer instanceof Pending ? answer.map((later) => this.decide(later)) : this.decide(answer);
  }

  private decide(answer: AccessAnswer): boolean {
    return answer === 'ignore' ? this.isAllowedByDefault : answer === 'allow';
  }
}
