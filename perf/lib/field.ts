/** Who takes part, by the command line. */
import { peerEntrant } from '../peers/peer.js';
import { type Entrant, labelOf, ourEntrant, type Setup } from './entrant.js';
import type { CommonOptions, PerfOptions } from './options.js';

/** @throws Error when a peer is not installed */
export async function entrantsOf(options: PerfOptions): Promise<Entrant[]> {
  const { external, against, transports, profileDir } = options;
  if (external !== null) return externalEntrants(options, external);
  const peers = against.flatMap((peer) => transports.map((transport) => peerEntrant(peer, transport)));
  return [
    ...setupsOf(options).map((setup) => ourEntrant(setup, { profileDir })),
    ...(await Promise.all(peers)),
  ];
}

/** @returns every arrangement of ours that was asked for */
export function setupsOf({ shards, transports, owners, levels, key }: CommonOptions): Setup[] {
  return shards.flatMap((count) =>
    transports.flatMap((transport) =>
      owners.flatMap((owner) =>
        levels.map((level) => ({ broker: 'shardmq', shards: count, transport, owner, level, key })),
      ),
    ),
  );
}

function externalEntrants(
  { transports, key }: PerfOptions,
  { port, pid }: { readonly port: number; readonly pid: number },
): Entrant[] {
  return transports.map((transport) => {
    const setup: Setup = { broker: 'external', shards: 0, transport, owner: 'any', level: null, key };
    return {
      label: labelOf(setup),
      setup,
      cannot: (scenario) => (scenario.kind === 'listing' ? 'needs a broker that this command starts' : null),
      start: async () => ({ port, pid, stop: async () => undefined }),
    };
  });
}
