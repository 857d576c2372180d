/** Listeners that are neither plain TCP nor about TLS: WebSocket, Unix sockets, and those behind proxies. */
import test from 'ava';
import {
  apiListenersOf,
  linesOf,
  listenersOf,
  listenerWith,
  settings,
  warningsOf,
} from './listener-lines.js';

test('WebSocket listeners serve /mqtt, to pages of every origin, without compression', (t) => {
  const plain = {
    path: '/mqtt',
    origins: [],
    compress: false,
    addressHeader: null,
    portHeader: null,
  };
  t.deepEqual(listenerWith('ws')?.webSocket, plain);
  t.deepEqual(listenerWith('wss', 'certfile=c', 'keyfile=k')?.webSocket, plain);
  for (const type of ['tcp', 'unix']) t.is(listenerWith(type)?.webSocket, null);
  t.is(listenerWith('ssl', 'certfile=c', 'keyfile=k')?.webSocket, null);
});

test('every option of WebSocket arrives', (t) => {
  const options = [
    'mqtt_path=/',
    'allowed_origins=https://a.example, http://b.example:8080',
    'compress=on',
    'proxy_address_header=X-Forwarded-For',
    'proxy_port_header=X-Forwarded-Port',
    'trusted_proxies=10.0.0.0/8',
  ];
  t.deepEqual(listenerWith('ws', ...options)?.webSocket, {
    path: '/',
    origins: ['https://a.example', 'http://b.example:8080'],
    compress: true,
    addressHeader: 'x-forwarded-for',
    portHeader: 'x-forwarded-port',
  });
  t.deepEqual(warningsOf(...settings('ws', options)), []);
});

test('the path of WebSocket begins with a slash, and is only a path', (t) => {
  for (const path of ['mqtt', '', '/a b', '/a?b', '/a#b', '/ä'])
    t.is(linesOf(...settings('ws', [`mqtt_path=${path}`])).length, 1, path);
});

test('options of WebSocket on another listener are errors', (t) => {
  for (const type of ['tcp', 'ssl', 'unix'])
    t.true(
      linesOf(...settings(type, ['mqtt_path=/x'])).some((line) => line.includes('of the type ws or wss')),
      type,
    );
});

test('a Unix socket has a path instead of host and port, and permissions', (t) => {
  t.like(listenersOf('listener.unix.a=/run/shardmq/mqtt.sock').at(-1), {
    type: 'unix',
    name: 'a',
    host: '',
    port: 0,
    path: '/run/shardmq/mqtt.sock',
    mode: 0o660,
  });
  t.like(listenerWith('unix', 'mode=0600'), { path: 'x.sock', mode: 0o600 });
  t.is(listenersOf('listener.unix.a=off').length, 3);
  t.is(listenersOf('listener.unix.a.mode=0600').length, 3, 'it needs a path');
  t.is(listenerWith('tcp')?.mode, 0);
});

test('the path of a Unix socket fits into what the kernel keeps of it', (t) => {
  const pathOf = (path: string): unknown => listenersOf(`listener.unix.a=${path}`).at(-1)?.path;
  t.is(pathOf('é'.repeat(53)), 'é'.repeat(53));
  for (const wrong of ['', 'a'.repeat(108), 'é'.repeat(54), '/run/', 'a\u0000b'])
    t.is(linesOf(`listener.unix.a=${wrong}`).length, 1, wrong);
});

test('permissions are octal, never the decimal number that a program makes of them', (t) => {
  for (const wrong of ['432', '660', '0888', '01777', '', 'rw'])
    t.is(linesOf(...settings('unix', [`mode=${wrong}`])).length, 1, wrong);
});

test('two Unix sockets with one path are an error', (t) => {
  t.regex(
    linesOf('listener.unix.a=/tmp/s', 'listener.unix.b=/tmp/../tmp/s')[0] ?? '',
    /a path of its own; listener\.unix\.a has it already$/,
  );
});

test('a Unix socket has no rules about addresses', (t) => {
  for (const option of [
    'access.1=deny all',
    'trusted_proxies=10.0.0.1',
    'nodelay=on',
    'tcp_options.nodelay=on',
  ])
    t.regex(
      linesOf(...settings('unix', [option]))[0] ?? '',
      /a listener of the type tcp, ssl, ws.* for/,
      option,
    );
});

test('a listener behind a proxy waits for its header, 5 seconds if not told', (t) => {
  for (const type of ['tcp', 'ws', 'unix'])
    t.deepEqual(listenerWith(type, 'proxy_protocol=on')?.proxy, { timeoutMs: 5_000 }, type);
  const options = ['proxy_protocol=on', 'proxy_protocol_timeout=3s', 'trusted_proxies=10.0.0.1,fd00::/8'];
  t.like(listenerWith('tcp', ...options), {
    proxy: { timeoutMs: 3_000 },
    trustedProxies: ['10.0.0.1', 'fd00::/8'],
  });
  t.is(listenerWith('tcp', 'proxy_protocol_timeout=3s')?.proxy, null);
  for (const time of ['99ms', '61s'])
    t.is(linesOf(...settings('tcp', [`proxy_protocol_timeout=${time}`])).length, 1, time);
});

test('trusted proxies are addresses and networks, not names', (t) => {
  for (const wrong of ['all', 'proxy.example', '10.0.0.0/33', '10.0.0.1,', '10.0.0.1 10.0.0.2'])
    t.is(linesOf(...settings('tcp', ['proxy_protocol=on', `trusted_proxies=${wrong}`])).length, 1, wrong);
});

test('who believes everybody about the client’s address is told which key to set', (t) => {
  t.deepEqual(warningsOf(...settings('tcp', ['proxy_protocol=on'])), [
    'command line: listener.tcp.x.proxy_protocol: everybody who connects is believed about the client’s address; set listener.tcp.x.trusted_proxies',
  ]);
  t.regex(
    warningsOf(...settings('ws', ['proxy_address_header=X-Real-IP']))[0] ?? '',
    /set listener\.ws\.x\.trusted_proxies$/,
  );
  t.is(warningsOf(...settings('ws', ['proxy_address_header=X-Real-IP', 'proxy_protocol=on'])).length, 1);
  t.deepEqual(warningsOf(...settings('unix', ['proxy_protocol=on'])), []);
});

test('what is said about proxies and has no effect is told', (t) => {
  t.regex(
    warningsOf(...settings('tcp', ['trusted_proxies=10.0.0.1']))[0] ?? '',
    /no effect without listener\.tcp\.x\.proxy_protocol$/,
  );
  t.regex(
    warningsOf(...settings('ws', ['trusted_proxies=10.0.0.1']))[0] ?? '',
    /proxy_protocol or \.proxy_address_header$/,
  );
  t.regex(
    warningsOf(...settings('ws', ['proxy_port_header=X-Port']))[0] ?? '',
    /no effect without listener\.ws\.x\.proxy_address_header$/,
  );
});

test('without TLS a username can only be the common name that a PROXY header tells', (t) => {
  const proxied = ['proxy_protocol=on', 'trusted_proxies=10.0.0.1'];
  for (const type of ['tcp', 'ws']) {
    t.is(listenerWith(type, ...proxied, 'peer_cert_as_username=cn')?.certificateUsername, 'cn', type);
    t.regex(
      linesOf(...settings(type, [...proxied, 'peer_cert_as_username=dn']))[0] ?? '',
      /expected cn, all/,
    );
    t.regex(
      warningsOf(...settings(type, ['peer_cert_as_username=cn']))[0] ?? '',
      /no effect without listener\.\w+\.x\.proxy_protocol = on/,
    );
    t.is(warningsOf(...settings(type, [...proxied, 'peer_cert_as_username=cn'])).length, 0);
    t.regex(
      warningsOf(...settings(type, ['proxy_protocol=on', 'peer_cert_as_username=cn']))[1] ?? '',
      /everybody who connects may say any username; set listener\.\w+\.x\.trusted_proxies$/,
    );
  }
});

test('what a socket is told may also be written tcp_options.X, and the later one counts', (t) => {
  const backlogOf = (...options: string[]): number | undefined => listenerWith('tcp', ...options)?.backlog;
  t.is(backlogOf('tcp_options.backlog=7'), 7);
  t.is(backlogOf('tcp_options.backlog=7', 'backlog=8'), 8);
  t.is(backlogOf('backlog=8', 'tcp_options.backlog=7'), 7);
  t.like(listenerWith('ws', 'tcp_options.recbuf=4KB', 'sndbuf=1MB', 'tcp_options.nodelay=off'), {
    recbufBytes: 4096,
    sndbufBytes: 1 << 20,
    nodelay: false,
  });
  t.regex(linesOf(...settings('tcp', ['tcp_options.backlog=x']))[0]!, /x\.tcp_options\.backlog = "x"/);
});

test('an option of sockets that does not exist is an error with the one that was probably meant', (t) => {
  t.regex(
    linesOf(...settings('tcp', ['tcp_options.no_delay=on']))[0] ?? '',
    /did you mean listener\.tcp\.x\.tcp_options\.nodelay\?$/,
  );
  t.regex(
    linesOf(...settings('tcp', ['tcp_options=nodelay']))[0] ?? '',
    /expected tcp_options\.X, with backlog,/,
  );
  t.is(linesOf(...settings('tcp', ['tcp_options.max_clients=5'])).length, 1);
});

test('options of EMQ without effect are checked, and told unless they say what happens anyway', (t) => {
  const told = (...options: string[]): string[] => warningsOf(...settings('tcp', options));
  t.deepEqual(told('reuseaddr=true', 'send_timeout_close=on', 'tune_buffer=off'), []);
  t.deepEqual(told('send_timeout_close=off'), [
    'command line: listener.tcp.x.send_timeout_close: no effect: a client that takes nothing for `send_timeout` is always closed',
  ]);
  t.is(told('zone=external', 'buffer=4KB', 'tune_buffer=on', 'secure_renegotiate=off').length, 4);
  t.is(linesOf(...settings('tcp', ['buffer=many'])).length, 1);
});

test('a list may be numbered, and the later way to write it counts', (t) => {
  const trusted = (...options: string[]): readonly string[] | undefined =>
    listenerWith('tcp', 'proxy_protocol=on', ...options)?.trustedProxies;
  t.deepEqual(trusted('trusted_proxies.10=10.0.0.3', 'trusted_proxies.9=10.0.0.2'), ['10.0.0.2', '10.0.0.3']);
  t.deepEqual(trusted('trusted_proxies.1=10.0.0.2', 'trusted_proxies=10.0.0.9'), ['10.0.0.9']);
  t.deepEqual(trusted('trusted_proxies=10.0.0.9', 'trusted_proxies.1=10.0.0.2'), ['10.0.0.2']);
  t.regex(
    linesOf(...settings('tcp', ['trusted_proxies.1=x']))[0] ?? '',
    /listener\.tcp\.x\.trusted_proxies = "x"/,
  );
});

test('a listener of the API is told where it listens, who may come and how it encrypts', (t) => {
  const [tls] = apiListenersOf(
    'listener.api.mgmt=8081',
    'listener.api.mgmt.certfile=a',
    'listener.api.mgmt.keyfile=b',
    'listener.api.mgmt.access.1=allow all',
    'listener.api.mgmt.max_clients=7',
    'listener.api.mgmt.tls_versions=tlsv1.3',
  );
  t.is(tls?.port, 8081);
  t.is(tls?.maxClients, 7);
  t.is(tls?.tls?.certfile, 'a');
  t.is(tls?.tls?.minVersion, 'TLSv1.3');
  t.deepEqual(
    apiListenersOf('listener.api.mgmt=off', 'listener.api.one=1', 'listener.api.two=2').map(
      ({ name, tls }) => [name, tls],
    ),
    [
      ['one', null],
      ['two', null],
    ],
  );
  t.is(apiListenersOf()[0]?.host, '127.0.0.1');
});

test('what means nothing for the API is an error, or a warning where EMQ reads it', (t) => {
  t.is(linesOf('listener.api.mgmt.mountpoint=a/').length, 1);
  t.is(linesOf('listener.api.mgmt.certfile=a').length, 1);
  const told = warningsOf('listener.api.mgmt.rate_limit=1024,512', 'listener.api.mgmt.verify=verify_none');
  t.is(told.length, 2);
  t.regex(told[0] ?? '', /no effect/);
  t.regex(told[1] ?? '', /no effect without listener\.api\.mgmt\.certfile and \.keyfile/);
});
