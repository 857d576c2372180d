/** The same settings of listeners from each place that settings come from. */
import test, { type ExecutionContext } from 'ava';
import { type ConfigSources, loadConfig } from '../../../src/config/load.js';
import { good, withFile } from './config-files.js';

function holds(t: ExecutionContext, sources: ConfigSources): void {
  const config = good(t, loadConfig(sources));
  t.deepEqual(
    config.listeners.map(({ type, name }) => `${type}.${name}`),
    ['tcp.external', 'tcp.internal', 'ssl.external', 'unix.local'],
  );
  t.like(config.listeners[2], {
    port: 8883,
    backlog: 9,
    trustedProxies: ['10.0.0.0/8', 'fd00::1'],
    proxy: { timeoutMs: 5_000 },
    access: [{ allow: false, range: '10.9.0.0/16' }],
    tls: {
      certfile: 'c.pem',
      keyfile: 'k.pem',
      sni: [
        { certfile: 'c1.pem', keyfile: 'k1.pem' },
        { certfile: 'c2.pem', keyfile: 'k2.pem' },
      ],
    },
  });
  t.like(config.listeners[3], { path: '/run/mqtt.sock', mode: 0o666 });
  t.is(config['overload.loop_delay'], 250);
  t.is(config['overload.wait'], 1_000);
}

const KEYS: Readonly<Record<string, string>> = {
  'listener.ws.external': 'off',
  'listener.ssl.external.certfile': 'c.pem',
  'listener.ssl.external.keyfile': 'k.pem',
  'listener.ssl.external.sni.1.certfile': 'c1.pem',
  'listener.ssl.external.sni.1.keyfile': 'k1.pem',
  'listener.ssl.external.sni.2.certfile': 'c2.pem',
  'listener.ssl.external.sni.2.keyfile': 'k2.pem',
  'listener.ssl.external.tcp_options.backlog': '9',
  'listener.ssl.external.proxy_protocol': 'on',
  'listener.ssl.external.trusted_proxies': '10.0.0.0/8,fd00::1',
  'listener.ssl.external.access.1': 'deny 10.9.0.0/16',
  'listener.unix.local': '/run/mqtt.sock',
  'listener.unix.local.mode': '0666',
  'overload.loop_delay': '250ms',
  'overload.wait': '1s',
};

const YAML = `
listener:
  ws.external: off
  ssl:
    external:
      certfile: c.pem
      keyfile: k.pem
      sni:
        - { certfile: c1.pem, keyfile: k1.pem }
        - certfile: c2.pem
          keyfile: k2.pem
      tcp_options: { backlog: 9 }
      proxy_protocol: on
      trusted_proxies: [10.0.0.0/8, 'fd00::1']
      access: [deny 10.9.0.0/16]
  unix.local:
    bind: /run/mqtt.sock
    mode: 0666
overload: { loop_delay: 250ms, wait: 1s }
`;

test('listeners from --set', (t) => {
  holds(t, { set: Object.entries(KEYS).map(([key, value]) => `${key}=${value}`) });
});

test('listeners from the environment', (t) => {
  const variables = Object.entries(KEYS).map(([key, value]) => [
    `SHARDMQ_${key.toUpperCase().replaceAll('.', '__')}`,
    value,
  ]);
  holds(t, { env: Object.fromEntries(variables) as NodeJS.ProcessEnv });
});

test('listeners from an emq.conf', (t) => {
  const text = Object.entries(KEYS).map(([key, value]) => `${key} = ${value}\n`);
  holds(t, { file: withFile(t, 'emq.conf', text.join('')) });
});

test('listeners from YAML with maps and lists', (t) => {
  holds(t, { file: withFile(t, 'broker.yaml', YAML) });
});

test('listeners from a program, nested and dotted', (t) => {
  const external = {
    certfile: 'c.pem',
    keyfile: 'k.pem',
    sni: [
      { certfile: 'c1.pem', keyfile: 'k1.pem' },
      { certfile: 'c2.pem', keyfile: 'k2.pem' },
    ],
    tcp_options: { backlog: 9 },
    proxy_protocol: true,
    trusted_proxies: ['10.0.0.0/8', 'fd00::1'],
    access: ['deny 10.9.0.0/16'],
  };
  const values = {
    listener: {
      ssl: { external },
      'ws.external': false,
      unix: { local: { bind: '/run/mqtt.sock', mode: '0666' } },
    },
    'overload.loop_delay': '250ms',
    'overload.wait': '1s',
  };
  holds(t, { values });
});

test('the place that wins decides about the whole list', (t) => {
  const file = withFile(
    t,
    'a.yaml',
    'listener.tcp.x: { bind: 0, proxy_protocol: on, trusted_proxies: [10.0.0.1, 10.0.0.2] }',
  );
  const config = good(t, loadConfig({ file, set: ['listener.tcp.x.trusted_proxies=10.0.0.3'] }));
  t.deepEqual(config.listeners.at(-1)?.trustedProxies, ['10.0.0.3']);
});
