/** What the test and its processes full of clients say to each other. Types only. */
import type { Entry } from './entries.js';

export type Side = 'writers' | 'readers';

export type ToCrowd =
  | { readonly kind: 'begin'; readonly seed: number }
  /** The broker has started there; 0: it is nowhere. */
  | { readonly kind: 'moved'; readonly port: number }
  /** The first subscriptions are there. */
  | { readonly kind: 'start' }
  /** Nothing new; everybody comes back. */
  | { readonly kind: 'finish' };

export type FromCrowd =
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  | { readonly kind: 'settled' }
  /** Everything that was published is acknowledged; everybody is where they will stay. */
  | { readonly kind: 'finished' };
