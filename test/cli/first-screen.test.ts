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
  url: null,
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
  firstScreenLines({ ...SCREEN, broker: { shards: 2, listeners, usersWithPublicPassword: [] } });

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
  const broker = { shards: 2, listeners: [TCP], usersWithPublicPassword: [] };
  const lines = firstScreenLines({ ...SCREEN, broker, allowsAnonymous: false });
  t.true(lines.includes("  mosquitto_sub -p 1883 -u USER -P PASSWORD -t 'demo/#' -v"));
});

test('nobody is told to try a listener that wants a PROXY header', (t) => {
  const proxied = { ...TCP, port: 1884, isProxied: true };
  t.true(screen(proxied, TCP).includes("  mosquitto_sub -p 1883 -t 'demo/#' -v"));
  t.false(screen(proxied).some((line) => line.includes('mosquitto')));
});

test('a listener on a network lets other machines in without a password: one line says so, however many there are', (t) => {
  const linesAbout = (lines: readonly string[]): number =>
    lines.filter((line) => /password|anonymous/.test(line)).length;
  t.is(linesAbout(screen(TCP)), 1);
  t.is(linesAbout(screen(TCP, WS, UNIX, { ...TCP, host: '::' }, { ...WS, host: '192.0.2.1' })), 1);
  for (const host of ['::', '192.0.2.1', '2001:db8::1', 'example.org', '127.example.org']) {
    t.is(linesAbout(screen({ ...TCP, host })), 1, host);
  }
  const local = ['127.0.0.1', '127.8.9.10', '::1', 'localhost'].map((host) => ({ ...TCP, host }));
  t.is(linesAbout(screen(...local, WS, UNIX)), 0);
  const listeners = [TCP, { ...TCP, host: '::' }];
  const broker = { shards: 2, listeners, usersWithPublicPassword: [] };
  t.is(linesAbout(firstScreenLines({ ...SCREEN, broker, allowsAnonymous: false })), 0);
});

test('the API has a line with its URL, and one when a user of it has the password that everybody knows', (t) => {
  const api: OpenListener = {
    ...TCP,
    protocol: 'api',
    name: 'mgmt',
    host: '127.0.0.1',
    port: 8080,
    url: 'http://127.0.0.1:8080/api/v2/',
  };
  const linesFor = (usersWithPublicPassword: string[], ...listeners: OpenListener[]): string[] =>
    firstScreenLines({
      ...SCREEN,
      allowsAnonymous: false,
      broker: { shards: 2, listeners, usersWithPublicPassword },
    });
  t.true(linesFor([], TCP, api).includes('  listener.api.mgmt listens on http://127.0.0.1:8080/api/v2/'));
  t.false(linesFor([], TCP, api).some((line) => line.includes('public')));
  const told = '  the API\'s user admin has the password "public": shardmq users passwd admin changes it';
  t.true(linesFor(['admin'], TCP, api).includes(told));
  t.false(linesFor(['admin'], TCP).includes(told));
  t.true(linesFor([], api).includes('  no listener for clients is on: nobody can connect'));
});
