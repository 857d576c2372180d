/** What a client of 5 is told where messages are not retained: the plugin that says so does not run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../helpers/packets.js';
import { tempDirectory } from '../helpers/with-broker.js';
import { rulesWith } from './rules.js';

const loaded = join(tempDirectory(), 'loaded_plugins');
writeFileSync(loaded, 'emq_modules.\n');

const rule = rulesWith({ 'mqtt.plugins.loaded_file': loaded });

rule('v5 MQTT-3.2.2-13: a retained will gets CONNACK 0x9A and a close', async (_t, b) => {
  const will = { topic: b.topic('w'), payload: 'will' };
  const client = await b.open();
  client.send(connect({ version: 5, clientId: b.clientId(), will: { ...will, retain: true } }));
  await client.expectRefusal(0x9a);
  await b.connect({ will });
});

rule(
  'v5 MQTT-3.2.2-14: a PUBLISH with RETAIN ends the connection with 0x9A, and goes nowhere',
  async (t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe(b.topic('#'));
    for (const payload of ['kept', '']) {
      const client = await b.connect();
      t.is(client.connack?.properties.retainAvailable, 0);
      client.sendPublish({ topic: b.topic('p'), payload, retain: true });
      await client.expectEnd(0x9a);
    }
    await watcher.expectNothingFrom(await b.connect());
  },
);
