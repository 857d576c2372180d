/**
 * Serves a page that speaks MQTT with MQTT.js over the browser's own WebSocket. What it is told by its address it does;
 * what happens it writes into the page.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** MQTT.js as it is made for browsers. */
const BUNDLE = readFileSync(fileURLToPath(import.meta.resolve('mqtt/dist/mqtt.min')));

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>MQTT in a page</title>
<p id="state">connecting</p>
<ol id="messages"></ol>
<script src="/mqtt.js"></script>
<script>
  const asked = new URLSearchParams(location.search);
  const say = (text) => { document.getElementById('state').textContent = text; };
  const client = mqtt.connect(asked.get('url'), {
    clientId: asked.get('clientId'),
    protocolVersion: Number(asked.get('version')),
    reconnectPeriod: 0,
    connectTimeout: 5000,
  });
  client.on('message', (topic, payload, packet) => {
    const text = payload.toString();
    const line = document.createElement('li');
    line.textContent = 'QoS ' + packet.qos + ': ' + (text.length > 100 ? text.length + ' characters' : text);
    document.getElementById('messages').append(line);
    client.publish(asked.get('answers'), text, { qos: packet.qos });
  });
  client.on('connect', async () => {
    await client.subscribeAsync(asked.get('topic'), { qos: 2 });
    say('subscribed');
  });
  client.on('error', (error) => say('error: ' + error.message));
  client.on('close', () => say('closed'));
  window.leave = () => client.end();
</script>
`;

export interface PageServer {
  readonly port: number;
  close(): void;
}

export async function startPageServer(): Promise<PageServer> {
  const server = createServer((request, response) => {
    const isBundle = request.url === '/mqtt.js';
    response.setHeader(
      'Content-Type',
      isBundle ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8',
    );
    response.end(isBundle ? BUNDLE : PAGE);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
