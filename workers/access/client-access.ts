/** What rules and plugins have to say about one client, as far as it is known. Runs on the shard's thread. */
import type { RuleProfile, RuleSubject } from '../../src/access/rules.js';
import { type Placeholders, placeholdersOf } from '../../src/access/topic-matcher.js';
import type { DecisionCache } from './decision-cache.js';

/** Where no rule has any. */
const NO_PLACEHOLDERS = placeholdersOf('', null);

export class ClientAccess {
  readonly placeholders: Placeholders;
  /** Null until there is something to remember. */
  cache: DecisionCache | null = null;

  constructor(
    { clientId, username }: RuleSubject,
    /** The rules that concern it. */
    readonly profile: RuleProfile,
    /** Of rules and plugins; with others nothing of this counts any more. */
    readonly generation: number,
  ) {
    this.placeholders = profile.hasPlaceholders ? placeholdersOf(clientId, username) : NO_PLACEHOLDERS;
  }
}
