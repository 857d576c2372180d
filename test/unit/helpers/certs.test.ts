import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { CERTS } from '../../helpers/certs.js';

const certificate = (file: string): X509Certificate => new X509Certificate(readFileSync(file));

test('every certificate fits its key and has been signed by the authority it is said to be of', (t) => {
  for (const [name, files] of Object.entries(CERTS)) {
    if (typeof files === 'string') continue;
    const own = certificate(files.certfile);
    const authority = certificate(name === 'clientUnknown' ? CERTS.otherCa : CERTS.ca);
    t.true(own.checkPrivateKey(createPrivateKey(readFileSync(files.keyfile))), name);
    t.true(own.checkIssued(authority) && own.verify(authority.publicKey), name);
    t.is(Date.parse(own.validTo) > Date.now(), !name.endsWith('Expired'), name);
  }
});
