/** Every endpoint of the API; of two whose paths fit, the first counts. Main thread. */
import type { Endpoint } from './endpoint.js';
import { nodeEndpoints } from './routes/nodes.js';

export const ENDPOINTS: readonly Endpoint[] = [...nodeEndpoints];
