/** What it costs to look at many sessions through the API. */
import { type Family, PAIRS } from './scenario.js';

export const listing: Family = {
  name: 'listing-all',
  about: 'pages of the API',
  scenarios: [
    {
      kind: 'listing',
      name: 'listing',
      title: 'lists of 100,000 sessions',
      sessions: 100_000,
      connected: 12_000,
      pageMsMax: 50,
      pauseMs: 10,
      publishing: { ...PAIRS, name: 'listing', title: 'pairs while one lists' },
    },
  ],
};
