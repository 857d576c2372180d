/**
 * Certificates that change again and again while a hundred TLS clients are busy and others come in: nobody is
 * disconnected, nobody gets a certificate that is not in force, and wrong files change nothing.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import { overTls } from '../helpers/carrier.js';
import { CERTS, type CertPair } from '../helpers/certs.js';
import { addressOn, trust } from '../helpers/transports.js';
import type { Version } from '../helpers/wire.js';
import { breakShard, RecordingLogger, tempDirectory, until } from '../helpers/with-broker.js';
import { TransportBench } from '../transports/bench.js';
import { Flow } from './flow.js';

const FLOWS = 50;
const RELOADS = 4;
const PAIRS = [CERTS.serverRsa, CERTS.serverEcdsa] as const;

/** Where the broker finds what a test puts there. */
class Files implements CertPair {
  readonly certfile: string;
  readonly keyfile: string;

  constructor(directory: string) {
    this.certfile = join(directory, 'cert.pem');
    this.keyfile = join(directory, 'key.pem');
    this.put(PAIRS[0]);
  }

  put({ certfile, keyfile }: CertPair): void {
    copyFileSync(certfile, this.certfile);
    copyFileSync(keyfile, this.keyfile);
  }
}

function settingsOf({ certfile, keyfile }: CertPair): Record<string, string> {
  return Object.fromEntries(
    ['ssl', 'wss'].flatMap((type) => [
      [`listener.${type}.external.certfile`, certfile],
      [`listener.${type}.external.keyfile`, keyfile],
    ]),
  );
}

/** What kind of key a client that comes in now is shown: `rsa` or `ec`. */
async function keyOf(bench: TransportBench, transport: 'ssl' | 'wss'): Promise<string> {
  const carrier = await overTls(addressOn(bench.broker, transport), trust());
  const key = (carrier.beneath as TLSSocket).getPeerX509Certificate()?.publicKey.asymmetricKeyType;
  carrier.drop();
  return key ?? 'none';
}

async function busy(bench: TransportBench): Promise<Flow[]> {
  const flows: Promise<Flow>[] = [];
  for (let n = 0; n < FLOWS; n++) {
    const transport = n % 2 === 0 ? 'ssl' : 'wss';
    const connect = (shard: number, version: Version) => bench.connect({ transport, shard, version });
    // From and to each shard: relayed at one end, at both, and at none.
    flows.push(Flow.start({ connect }, { from: n & 1, to: (n >> 1) & 1, qos: n % 3 === 0 ? 2 : 1 }));
  }
  return Promise.all(flows);
}

test.serial(
  'a hundred busy clients notice nothing of certificates that change, nor of files that are wrong',
  async (t) => {
    const files = new Files(tempDirectory());
    const logger = new RecordingLogger();
    const bench = await TransportBench.start(settingsOf(files), logger);
    try {
      const flows = await busy(bench);
      // Others come in all the time, and get one of the two.
      let isOver = false;
      const seen = new Set<string>();
      const arrivals = (async () => {
        while (!isOver)
          for (const transport of ['ssl', 'wss'] as const) seen.add(await keyOf(bench, transport));
      })();
      for (let n = 1; n <= RELOADS; n++) {
        const pair = PAIRS[n % 2]!;
        files.put(pair);
        await Promise.all([bench.broker.reloadCertificates(), bench.broker.reloadCertificates()]);
        const wanted = pair === CERTS.serverRsa ? 'rsa' : 'ec';
        t.is(await keyOf(bench, 'ssl'), wanted);
        // A key that does not belong to it, and half a file.
        copyFileSync(PAIRS[(n + 1) % 2]!.keyfile, files.keyfile);
        await t.throwsAsync(bench.broker.reloadCertificates(), { instanceOf: BrokerError });
        t.is(await keyOf(bench, 'wss'), wanted);
      }
      isOver = true;
      await arrivals;
      t.deepEqual([...seen].sort(), ['ec', 'rsa']);
      for (const flow of flows) await flow.goesOn();
      t.deepEqual((await Promise.all(flows.map((flow) => flow.stop()))).flat(), []);
    } finally {
      await bench.stop();
    }
  },
);

test.serial('a shard that dies while certificates change comes back with those in force', async (t) => {
  const files = new Files(tempDirectory());
  const logger = new RecordingLogger();
  const bench = await TransportBench.start(settingsOf(files), logger);
  try {
    for (const [n, victim] of [1, 0].entries()) {
      files.put(PAIRS[(n + 1) % 2]!);
      const reloaded = bench.broker.reloadCertificates();
      await breakShard(bench.broker, victim, 'throw');
      // It may fail because of the shard, which gets them at its start; then a further one does not.
      await reloaded.catch(() => bench.broker.reloadCertificates());
      await until(() => logger.has('info', new RegExp(`shard ${victim} is back`)), 'the restart', 30_000);
      for (let client = 0; client < 6; client++) {
        t.is(await keyOf(bench, 'ssl'), n === 0 ? 'ec' : 'rsa');
      }
    }
  } finally {
    await bench.stop();
  }
});
