/** Paho for Python as a client kind, by a script that answers in lines of JSON. */
import { fileURLToPath } from 'node:url';
import { CERTS } from '../helpers/certs.js';
import { pythonModule, pythonWith } from '../helpers/needs.js';
import type { Transport } from '../helpers/transports.js';
import { type ClientKind, type Identity, Inbox, type Outgoing, type Received } from './client-kind.js';
import { Program } from './program.js';

const MODULE = 'paho.mqtt.client';
const SCRIPT = fileURLToPath(new URL('../../../test/clients/paho_client.py', import.meta.url));

/** What the script prints. */
type Line = { event: 'ready' | 'published' } | ({ event: 'message' } & Received);

export function paho(version: '3.1.1' | '5', transport: Exclude<Transport, 'unix'> = 'tcp'): ClientKind {
  const speech = {
    version,
    isWebSocket: transport === 'ws' || transport === 'wss',
    ca: transport === 'ssl' || transport === 'wss' ? CERTS.ca : null,
  };
  const start = (command: object, onLine: (line: Line) => void): Program =>
    new Program(
      pythonWith(MODULE) ?? 'python3',
      [SCRIPT, JSON.stringify({ ...speech, ...command })],
      (line) => onLine(JSON.parse(line) as Line),
    );
  const startReady = async (command: object, inbox: Inbox): Promise<Program> => {
    let child: Program | null = null;
    const ready = new Promise<void>((resolve) => {
      child = start(command, (line) => {
        if (line.event === 'ready') resolve();
        else if (line.event === 'message')
          inbox.push({ topic: line.topic, payload: line.payload, qos: line.qos, retain: line.retain });
      });
    });
    await child!.until(ready);
    return child!;
  };
  let publisher: Program | null = null;
  let published = (): void => undefined;
  let publishing = Promise.resolve();
  return {
    name: `Paho Python ${version} over ${transport}`,
    transport,
    requirements: [pythonModule(MODULE)],
    subscribe: async (identity: Identity, filter, qos) => {
      const inbox = new Inbox();
      const child = await startReady({ action: 'subscribe', ...identity, filter, qos }, inbox);
      return {
        received: (count) => child.until(inbox.received(count)),
        soFar: () => inbox.messages,
        stop: () => child.stop(),
      };
    },
    publish: (identity, message) => {
      // Each is a client of its own, but not a process: most of the time would go into starting them.
      publishing = publishing.then(async () => {
        publisher ??= start({ action: 'publish' }, () => published());
        const done = new Promise<void>((resolve) => {
          published = resolve;
        });
        publisher.send(JSON.stringify({ ...identity, ...message }));
        await publisher.until(done);
      });
      return publishing;
    },
    connectWithWill: async (identity, will: Outgoing) => {
      const child = await startReady({ action: 'will', ...identity, ...will }, new Inbox());
      return () => child.kill();
    },
    end: async () => publisher?.stop(),
  };
}
