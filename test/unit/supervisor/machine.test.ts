import test from 'ava';
import { defaultShards, quotaCores } from '../../../src/supervisor/machine.js';

function reader(files: Record<string, string>) {
  return (path: string): string | null => files[path] ?? null;
}

test('without control groups there is no quota', (t) => {
  t.is(quotaCores(reader({})), Number.POSITIVE_INFINITY);
  t.is(quotaCores(reader({ '/proc/self/cgroup': '0::/\n' })), Number.POSITIVE_INFINITY);
});

test('the smallest quota of a version 2 group and its ancestors counts', (t) => {
  const files = {
    '/proc/self/cgroup': '0::/system.slice/broker.service\n',
    '/sys/fs/cgroup/system.slice/broker.service/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/system.slice/cpu.max': '250000 100000\n',
    '/sys/fs/cgroup/cpu.max': '400000 100000\n',
  };
  t.is(quotaCores(reader(files)), 2.5);
});

test('inside a container the quota lies at the root', (t) => {
  const files = {
    '/proc/self/cgroup': '0::/docker/0123456789\n',
    '/sys/fs/cgroup/cpu.max': '150000 100000\n',
  };
  t.is(quotaCores(reader(files)), 1.5);
});

test('version 1 quotas are read from the cpu controller; -1 is none', (t) => {
  const cgroup = '5:memory:/a\n4:cpu,cpuacct:/a/b\n1:name=systemd:/x\n';
  const files = {
    '/proc/self/cgroup': cgroup,
    '/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '300000\n',
    '/sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
  };
  t.is(quotaCores(reader(files)), 3);
});

test('nonsense in the control group files is no quota', (t) => {
  const files = { '/proc/self/cgroup': '0::/\nrubbish\n', '/sys/fs/cgroup/cpu.max': 'what\n' };
  t.is(quotaCores(reader(files)), Number.POSITIVE_INFINITY);
});

test('there is a shard for every core but one, at least 1 and at most 32', (t) => {
  t.deepEqual([1, 2, 4, 8, 64].map(defaultShards), [1, 1, 3, 7, 32]);
});
