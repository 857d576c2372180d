/** Stands for a shard's module that takes long to load; says in a file that it has been loaded whole. */
import { writeFileSync } from 'node:fs';
import { getEnvironmentData } from 'node:worker_threads';

Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
writeFileSync(String(getEnvironmentData('slow-entry')), 'loaded');

export function run(): void {}
