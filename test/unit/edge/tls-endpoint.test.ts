import { once } from 'node:events';
import test from 'ava';
import { CERTS } from '../../helpers/certs.js';
import { TlsStage } from '../../helpers/tls-stage.js';
import { until } from '../../helpers/with-broker.js';

for (const [kind, files] of [
  ['RSA', CERTS.serverRsa],
  ['ECDSA', CERTS.serverEcdsa],
] as const) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`bytes go both ways: ${version}, ${kind}`, async (t) => {
      const stage = await TlsStage.open(t, { options: { ...files } });
      const heard: Buffer[] = [];
      stage.onReady = (link) => {
        link.handler = {
          onBytes: (bytes, start, end) => heard.push(Buffer.from(bytes.subarray(start, end))),
          onDrain: () => undefined,
          onLinkClosed: () => undefined,
        };
      };
      const client = await stage.client({ minVersion: version, maxVersion: version });
      client.write('hello');
      const link = await stage.link();
      t.true(link.write(Buffer.from('..welcome..'), 2, 9));
      const [answer] = await once(client, 'data');
      t.is(String(answer), 'welcome');
      t.is(client.getProtocol(), version);
      await until(() => Buffer.concat(heard).toString() === 'hello', 'what the client has sent');
    });
  }
}
