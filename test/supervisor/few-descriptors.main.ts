/** A broker with stub shards as a process of its own, so that a test can take its descriptors away. */
import { launchBroker } from '../../src/broker.js';
import { tempDirectory } from '../helpers/with-broker.js';
import { STUB_SHARD } from './stub-client.js';

const broker = await launchBroker(
  {
    config: {
      'node.data_dir': tempDirectory(),
      'node.shards': 2,
      'listener.tcp.external': '127.0.0.1:0',
      'listener.tcp.internal': 'off',
      'listener.ws.external': 'off',
      'listener.api.mgmt': 'off',
    },
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (message) => process.send?.({ error: message }),
      fatal: (message) => process.send?.({ error: message }),
    },
  },
  { shardEntry: STUB_SHARD },
);
process.on('disconnect', () => void broker.stop());
process.send?.({ port: broker.listeners[0]!.port });
