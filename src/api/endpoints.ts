/** Every endpoint of the API; of two whose paths fit, the first counts. Main thread. */
import type { Endpoint } from './endpoint.js';
import { alarmEndpoints } from './routes/alarms.js';
import { clientActionEndpoints } from './routes/client-actions.js';
import { clientEndpoints } from './routes/clients.js';
import { configEndpoints } from './routes/configs.js';
import { monitoringEndpoints } from './routes/monitoring.js';
import { mqttEndpoints } from './routes/mqtt.js';
import { nodeEndpoints } from './routes/nodes.js';
import { pluginConfigEndpoints } from './routes/plugin-configs.js';
import { pluginEndpoints } from './routes/plugins.js';
import { routeEndpoints } from './routes/routes.js';
import { sessionEndpoints } from './routes/sessions.js';
import { subscriptionEndpoints } from './routes/subscriptions.js';
import { traceEndpoints } from './routes/trace.js';
import { userEndpoints } from './routes/users.js';

export const ENDPOINTS: readonly Endpoint[] = [
  ...nodeEndpoints,
  ...clientEndpoints,
  ...clientActionEndpoints,
  ...sessionEndpoints,
  ...subscriptionEndpoints,
  ...routeEndpoints,
  ...configEndpoints,
  ...pluginConfigEndpoints,
  ...pluginEndpoints,
  ...monitoringEndpoints,
  ...alarmEndpoints,
  ...userEndpoints,
  ...mqttEndpoints,
  ...traceEndpoints,
];
