/** Every endpoint of the API; of two whose paths fit, the first counts. Main thread. */
import type { Endpoint, EndpointGroup } from './endpoint.js';
import { alarmEndpoints } from './routes/alarms.js';
import { clientActionEndpoints } from './routes/client-actions.js';
import { clientEndpoints } from './routes/clients.js';
import { configEndpoints } from './routes/configs.js';
import { descriptionEndpoint } from './routes/description.js';
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

/** As the description shows them. */
const GROUPS: readonly EndpointGroup[] = [
  { name: 'nodes', about: 'Which brokers there are.', endpoints: nodeEndpoints },
  {
    name: 'clients',
    about: 'Who is connected.',
    endpoints: [...clientEndpoints, ...clientActionEndpoints],
  },
  { name: 'sessions', about: 'Sessions, those of absent clients too.', endpoints: sessionEndpoints },
  { name: 'subscriptions', about: 'Who subscribes to what.', endpoints: subscriptionEndpoints },
  { name: 'routes', about: 'Topic filters with subscriptions.', endpoints: routeEndpoints },
  { name: 'mqtt', about: 'Publishes, and subscribes sessions.', endpoints: mqttEndpoints },
  {
    name: 'plugins',
    about: 'Plugins, and what is set of each.',
    endpoints: [...pluginEndpoints, ...pluginConfigEndpoints],
  },
  { name: 'configs', about: 'Configuration, changed while the broker runs.', endpoints: configEndpoints },
  {
    name: 'monitoring',
    about: 'Listeners, figures, alarms and traces.',
    endpoints: [...monitoringEndpoints, ...alarmEndpoints, ...traceEndpoints],
  },
  { name: 'users', about: 'Who may use the API.', endpoints: userEndpoints },
  { name: 'description', about: 'What the API is.', endpoints: [descriptionEndpoint(() => GROUPS)] },
];

export const ENDPOINTS: readonly Endpoint[] = GROUPS.flatMap(({ endpoints }) => endpoints);
