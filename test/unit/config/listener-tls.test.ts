import test from 'ava';
import { linesOf, listenersOf, listenerWith, settings, warningsOf } from './listener-lines.js';

const PAIR = ['certfile=cert.pem', 'keyfile=key.pem'];

test('listeners with TLS have safe defaults', (t) => {
  for (const type of ['ssl', 'wss']) {
    t.deepEqual(
      listenerWith(type, ...PAIR)?.tls,
      {
        certfile: 'cert.pem',
        keyfile: 'key.pem',
        sni: [],
        cacertfile: null,
        crlfile: null,
        verifyPeer: false,
        failIfNoPeerCert: false,
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        ciphers: null,
        dhfile: null,
        honorCipherOrder: true,
        reuseSessions: true,
        handshakeTimeoutMs: 15_000,
      },
      type,
    );
  }
});

test('every option of TLS arrives', (t) => {
  const options = [
    'sni.2.certfile=b.pem',
    'sni.2.keyfile=b.key',
    'sni.1.keyfile=a.key',
    'sni.1.certfile=a.pem',
    'cacertfile=ca.pem',
    'crlfile=crl.pem',
    'verify=verify_peer',
    'fail_if_no_peer_cert=on',
    'tls_versions=tlsv1.3',
    'ciphers=ECDHE-RSA-AES128-GCM-SHA256, TLS_AES_128_GCM_SHA256',
    'dhfile=dh.pem',
    'honor_cipher_order=off',
    'reuse_sessions=off',
    'handshake_timeout=3s',
    'peer_cert_as_username=dn',
  ];
  t.like(listenerWith('ssl', ...PAIR, ...options), {
    certificateUsername: 'dn',
    tls: {
      sni: [
        { certfile: 'a.pem', keyfile: 'a.key' },
        { certfile: 'b.pem', keyfile: 'b.key' },
      ],
      cacertfile: 'ca.pem',
      crlfile: 'crl.pem',
      verifyPeer: true,
      failIfNoPeerCert: true,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256',
      dhfile: 'dh.pem',
      honorCipherOrder: false,
      reuseSessions: false,
      handshakeTimeoutMs: 3_000,
    },
  });
  t.deepEqual(warningsOf(...settings('ssl', [...PAIR, ...options])), []);
});

test('the shipped listeners with TLS are opened when their certificate and key are named', (t) => {
  const opened = (...set: string[]): string[] =>
    listenersOf(...set).map(({ type, port }) => `${type} ${port}`);
  const plain = ['tcp 1883', 'tcp 11883'];
  t.deepEqual(opened(), [...plain, 'ws 8083']);
  const pair = (type: string): string[] => PAIR.map((option) => `listener.${type}.external.${option}`);
  t.deepEqual(opened(...pair('ssl')), [...plain, 'ssl 8883', 'ws 8083']);
  t.deepEqual(opened(...pair('wss')), [...plain, 'ws 8083', 'wss 8084']);
  t.deepEqual(opened(...pair('ssl'), 'listener.ssl.external=off'), [...plain, 'ws 8083']);
  t.deepEqual(listenersOf(...pair('ssl'))[2]?.maxClients, 102_400);
});

test('options of a shipped listener with TLS open nothing without a certificate, with a warning', (t) => {
  t.deepEqual(warningsOf('listener.ssl.external.max_clients=5'), [
    'command line: listener.ssl.external.max_clients: listener.ssl.external is not opened until its certificate is named: set listener.ssl.external.certfile and .keyfile',
  ]);
  t.is(listenersOf('listener.ssl.external.certfile=').length, 3);
});

test('an address without a certificate is an error that says which keys to set', (t) => {
  t.deepEqual(linesOf('listener.ssl.external=8883'), [
    'command line: listener.ssl.external = "8883": expected listener.ssl.external.certfile and listener.ssl.external.keyfile to be set as well',
  ]);
  t.is(linesOf('listener.wss.x=0').length, 1);
});

test('a certificate without its key, or a key without its certificate, is an error', (t) => {
  for (const set of [[], ['listener.ssl.external=0']]) {
    t.deepEqual(linesOf('listener.ssl.external.certfile=c.pem', ...set), [
      'command line: listener.ssl.external.certfile = "c.pem": expected listener.ssl.external.keyfile to be set as well',
    ]);
  }
  t.regex(linesOf('listener.ssl.external.keyfile=k.pem')[0]!, /external\.certfile to be set as well$/);
  t.regex(
    linesOf('listener.ssl.external.keyfile=k', 'listener.ssl.external.certfile=')[0]!,
    /certfile to be/,
  );
  const sni = linesOf(
    ...settings('ssl', [...PAIR, 'sni.3.keyfile=k.pem', 'sni.4.certfile=c', 'sni.4.keyfile=k']),
  );
  t.deepEqual(sni, [
    'command line: listener.ssl.x.sni.3.keyfile = "k.pem": expected listener.ssl.x.sni.3.certfile to be set as well',
  ]);
});

test('more certificates are numbered 1 to 64', (t) => {
  for (const number of ['0', '65', '100', 'a', '01']) {
    t.regex(
      linesOf(...settings('ssl', [...PAIR, `sni.${number}.certfile=c`]))[0] ?? '',
      /option that exists/,
    );
  }
  const pair = ['sni.64.certfile=c', 'sni.64.keyfile=k'];
  t.is(listenerWith('ssl', ...PAIR, ...pair)?.tls?.sni.length, 1);
});

test('clients’ certificates are never checked against the world’s authorities', (t) => {
  const line = linesOf(...settings('ssl', [...PAIR, 'verify=verify_peer']))[0] ?? '';
  t.regex(line, /x\.verify = "verify_peer": expected listener\.ssl\.x\.cacertfile to be set as well/);
  t.regex(
    linesOf(...settings('ssl', [...PAIR, 'crlfile=crl.pem']))[0] ?? '',
    /x\.crlfile = "crl\.pem": expected listener\.ssl\.x\.cacertfile to be set as well/,
  );
});

test('what is of no use unless clients are asked for a certificate is told', (t) => {
  const told = (...options: string[]): string[] => warningsOf(...settings('ssl', [...PAIR, ...options]));
  for (const option of ['fail_if_no_peer_cert=on', 'peer_cert_as_username=cn'])
    t.regex(told(option)[0] ?? '', /no effect without listener\.ssl\.x\.verify = verify_peer/, option);
  t.is(told('crlfile=a', 'cacertfile=b').length, 1);
  t.deepEqual(told('fail_if_no_peer_cert=off', 'peer_cert_as_username='), []);
  const asked = [
    'verify=verify_peer',
    'cacertfile=a',
    'fail_if_no_peer_cert=on',
    'peer_cert_as_username=crt',
  ];
  t.deepEqual(told(...asked, 'crlfile=b'), []);
});

test('a listener that is off may be half configured', (t) => {
  t.deepEqual(
    linesOf('listener.ssl.x=off', 'listener.ssl.x.verify=verify_peer', 'listener.ssl.x.certfile=a'),
    [],
  );
  t.is(linesOf('listener.ssl.x=off', 'listener.ssl.x.verify=maybe').length, 1);
});

test('options of TLS on a listener without it are errors, so that nobody believes it is encrypted', (t) => {
  for (const type of ['tcp', 'ws', 'unix']) {
    for (const option of ['certfile=a', 'verify=verify_none', 'handshake_timeout=3s', 'sni.1.keyfile=k'])
      t.regex(
        linesOf(...settings(type, [option]))[0] ?? '',
        /expected a listener of the type ssl, wss or api/,
        type,
      );
  }
});

test('a handshake has between 100 ms and two minutes', (t) => {
  for (const time of ['99ms', '121s', '0', '15'])
    t.is(linesOf(...settings('wss', [...PAIR, `handshake_timeout=${time}`])).length, 1, time);
});
