#!/usr/bin/env node
/**
 * Entry of the command line: says so where shardmq cannot run, else hands over. Main thread.
 *
 * It is CommonJS, and loads the rest synchronously, because Node's asynchronous loader reads files through the libuv
 * pool: the first file read fixes the number of the pool's threads, which is known only from the configuration.
 */
const NODE_MIN = [20, 19] as const;
/** Exit code 4, as in src/cli/exit-codes.ts, which an old Node.js may be unable to load. */
const UNSUPPORTED = 4;
/** For Node.js versions that cannot load modules synchronously: enough for as many shards as there may be. */
const POOL_THREADS_ANY = '36';

type Main = typeof import('./cli/main.js', { with: { 'resolution-mode': 'import' }});

function reasonAgainst(): string | null {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    return `it needs Node.js ${NODE_MIN.join('.')} or later, and this is ${process.versions.node}`;
  }
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    return `it runs on Linux and macOS, and this is ${process.platform}`;
  }
  return null;
}

async function start(): Promise<void> {
  let main: Main;
  if (process.features.require_module) main = require('./cli/main.js') as Main;
  else {
    process.env['UV_THREADPOOL_SIZE'] ??= POOL_THREADS_ANY;
    main = await import('./cli/main.js');
  }
  await main.main(process.argv.slice(2));
}

const reason = reasonAgainst();
if (reason === null) void start();
else {
  process.stderr.write(`shardmq cannot run here: ${reason}\n`);
  process.exitCode = UNSUPPORTED;
}
