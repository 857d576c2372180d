/**
 * Messages through the broker on the port that is given, with MQTT.js, within 10 s. `leave`: one is published and comes
 * back, another is left for a session whose client is away; `return`: that one is there.
 */
import { connect, connectAsync } from 'mqtt';

const [, , port, step] = process.argv;
const url = `mqtt://127.0.0.1:${port}`;
const lasting = { clientId: 'lasting', clean: false };
const deadline = setTimeout(() => {
  process.stderr.write('no message came back within 10 s\n');
  process.exit(1);
}, 10_000);

function comes(client, expected) {
  return new Promise((resolve, reject) => {
    client.once('message', (_topic, payload) => {
      if (payload.toString() === expected) resolve();
      else reject(new Error('another message came'));
    });
  });
}

if (step === 'leave') {
  const away = await connectAsync(url, lasting);
  await away.subscribeAsync('kept/+', { qos: 2 });
  await away.endAsync();
  const client = await connectAsync(url, { protocolVersion: 5 });
  const arrived = comes(client, 'hello');
  await client.subscribeAsync('smoke/+', { qos: 1 });
  await client.publishAsync('smoke/test', 'hello', { qos: 1 });
  await arrived;
  await client.publishAsync('kept/test', 'still here', { qos: 2 });
  await client.endAsync();
} else {
  const back = connect(url, lasting);
  await comes(back, 'still here');
  await back.endAsync();
}
clearTimeout(deadline);
