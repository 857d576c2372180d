import test from 'ava';
import type { OpenListener } from '../../src/broker-api.js';
import { firstScreenLines } from '../../src/cli/first-screen.js';

const TCP: OpenListener = {
  name: 'external',
  protocol: 'tcp',
  host: '0.0.0.0',
  port: 1883,
  path: null,
  webSocketPath: null,
  isProxied: false,
};
const WS: OpenListener = { ...TCP, protocol: 'ws', host: '::1', port: 8083, webSocketPath: '/mqtt' };
const UNIX: OpenListener = {
  ...TCP,
  protocol: 'unix',
  name: 'local',
  host: '',
  port: 0,
  path: "/run/it's.sock",
};

const SCREEN = { version: '1.2.3', nodeVersion: '20.0.0', dataDir: '/data', allowsAnonymous: true };

const screen = (...listeners: OpenListener[]): string[] =>
  firstScreenLines({ ...SCREEN, broker: { shards: 2, listeners } });

test('each listener has a line, with the path of WebSocket', (t) => {
  const lines = screen(TCP, WS, UNIX);
  t.true(lines.includes('  listener.tcp.external listens on 0.0.0.0:1883'));
  t.true(lines.includes('  listener.ws.external listens on [::1]:8083 at /mqtt'));
  t.true(lines.includes("  listener.unix.local listens on /run/it's.sock"));
});

test('what to try is TCP where there is some, otherwise a Unix socket, written for the shell', (t) => {
  t.true(screen(UNIX, TCP).includes("  mosquitto_sub -p 1883 -t 'demo/#' -v"));
  t.true(screen(WS, UNIX).includes("  mosquitto_sub --unix '/run/it'\\''s.sock' -t 'demo/#' -v"));
  t.false(screen(WS).some((line) => line.includes('mosquitto')));
});

test('what to try has a password where clients need one', (t) => {
  const broker = { shards: 2, listeners: [TCP] };
  const lines = firstScreenLines({ ...SCREEN, broker, allowsAnonymous: false });
  t.true(lines.includes("  mosquitto_sub -p 1883 -u USER -P PASSWORD -t 'demo/#' -v"));
});

test('nobody is told to try a listener that wants a PROXY header', (t) => {
  const proxied = { ...TCP, port: 1884, isProxied: true };
  t.true(screen(proxied, TCP).includes("  mosquitto_sub -p 1883 -t 'demo/#' -v"));
  t.false(screen(proxied).some((line) => line.includes('mosquitto')));
});

test('only a listener on a network lets other machines in without a password', (t) => {
  const warns = (...listeners: OpenListener[]): boolean =>
    screen(...listeners).some((line) => line.includes('mqtt.allow_anonymous'));
  t.true(warns(TCP));
  t.false(warns(WS, UNIX));
});
