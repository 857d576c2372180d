import test from 'ava';
import { codesOf } from '../../src/api/description.js';
import { ENDPOINTS } from '../../src/api/endpoints.js';
import { readFields } from '../../src/api/fields.js';
import { BrokerError } from '../../src/base/errors.js';
import { VERSION } from '../../src/base/version.js';
import { withApi } from '../helpers/api.js';
import { NODE_NAME, startApi } from '../helpers/api-server.js';
import { type ApiDocument, Described } from './described.js';
import { failingPort } from './failing-port.js';
import { NODE, rowsOf } from './lists.js';
import { faultsOf } from './openapi-rules.js';
import { CLIENT, POPULATED, populate } from './populated.js';
import { describedName, nameOf, refusedRequests, rightRequests } from './requests.js';

test(
  'the description is OpenAPI 3.1, names every endpoint once, and all its schemas are such',
  withApi({}, async (ask, _broker, t) => {
    const answer = await ask('GET openapi.json');
    t.is(answer.headers['content-type'], 'application/json');
    const described = await Described.of(ask);
    const { document } = described;
    t.is(document.openapi, '3.1.0');
    t.like(document, { info: { title: 'shardmq', version: VERSION } });
    t.deepEqual(
      faultsOf(document, (schema) => described.brokenSchema(schema)),
      [],
    );
    const names = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    t.deepEqual(names.sort(), ENDPOINTS.map((each) => describedName(nameOf(each))).sort());
    for (const [what, type, example] of examplesOf(document)) {
      const text = type === 'application/json' ? JSON.stringify(example) : String(example);
      const fault = described.fault(what, {
        status: 200,
        headers: { 'content-type': type },
        text,
        json: example,
      });
      t.is(fault, null);
      t.false(text.includes('""'), `${what} ${text}`);
    }
    t.is((await ask('GET openapi.json', { user: null })).status, 401);
    t.is((await ask('GET openapi.json/')).status, 404);
  }),
);

const examplesOf = ({ paths }: ApiDocument): [what: string, type: string, example: unknown][] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses }]) =>
      Object.entries(responses['200']!.content!)
        .filter(([, media]) => Object.hasOwn(media, 'example'))
        .map(([type, media]): [string, string, unknown] => [
          `${method.toUpperCase()} ${path}`,
          type,
          media.example,
        ]),
    ),
  );

test('every endpoint that takes a body shows one that is right', (t) => {
  for (const each of ENDPOINTS.filter(({ method }) => method !== 'GET')) {
    const { fields = {}, takesAnyBody = false, example } = each;
    t.is(example !== undefined, takesAnyBody || Object.keys(fields).length > 0, nameOf(each));
    t.notThrows(() => readFields(fields, example ?? {}), nameOf(each));
  }
});

test(
  'every endpoint answers as described, and refuses with every code that is named for it',
  withApi(POPULATED, async (ask, broker, t) => {
    const described = await Described.of(ask);
    await populate(broker);
    // A shard that fails, and anything else that does, are the matter of the next test.
    const open = new Set(ENDPOINTS.flatMap((each) => [`${nameOf(each)} 0`, ...namedCodes(each)]));
    for (const { of, what, options, code } of [...refusedRequests(NODE), ...rightRequests(NODE)]) {
      const answer = await ask(what, options);
      t.is(described.fault(describedName(of), answer), null, `${what} ${JSON.stringify(options)}`);
      t.is((answer.json as { code?: number } | undefined)?.code ?? 0, code, `${what} ${answer.text}`);
      open.delete(`${of} ${code}`);
    }
    t.deepEqual([...open], []);
    t.deepEqual(await rowsOf(ask, `clients/${CLIENT}`), [], 'the last request has ended its connection');
    const { status, text } = await ask('GET users', { user: 'admin:wrong' });
    t.is(described.fault('GET /api/v2/users', { status, text, headers: {}, json: undefined }), null);
  }),
);

const namedCodes = (each: (typeof ENDPOINTS)[number]): string[] =>
  codesOf(each)
    .filter((code) => code > 102 || each.path.includes('{node}'))
    .filter((code) => code !== 102)
    .map((code) => `${nameOf(each)} ${code}`);

for (const [error, text] of [
  [new BrokerError('SHARD_UNAVAILABLE', 'shard 1 did not answer'), '{"code":101,"message":"nodedown"}'],
  [new Error('something else'), '{"code":102}'],
] as const) {
  test(`${error.message}: every endpoint answers ${text}`, async (t) => {
    const bench = await startApi(t, ENDPOINTS, [], failingPort(error));
    for (const { what, options } of rightRequests(NODE_NAME)) {
      const answer = await bench.ask(what, options);
      t.is(`${answer.status} ${answer.text}`, `200 ${text}`, what);
    }
  });
}
