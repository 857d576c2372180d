/** Aedes in a process of its own: `aedes-broker.js MODULE PORT`. Its queues are as long as the scenarios need them. */
import { createServer, type Socket } from 'node:net';

/** What is used of it; its types are not there when it is not installed. */
interface AedesModule {
  readonly Aedes: {
    createBroker(options: {
      queueLimit: number;
      maxClientsIdLength: number;
      maxInflightInbound: number;
    }): Promise<{
      readonly handle: (socket: Socket) => void;
    }>;
  };
}

const [module = '', port = ''] = process.argv.slice(2);
const { Aedes } = (await import(module)) as AedesModule;
const broker = await Aedes.createBroker({
  queueLimit: 1_000_000,
  maxClientsIdLength: 1_000,
  maxInflightInbound: 0,
});
createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
