import { request } from 'node:http';
import test from 'ava';
import fc from 'fast-check';
import { ENDPOINTS } from '../../src/api/endpoints.js';
import { API_BODY_BYTES_MAX } from '../../src/limits.js';
import { type ApiAnswer, withApi } from '../helpers/api.js';
import { Described } from './described.js';
import { client, NODE } from './lists.js';
import { CLIENT, POPULATED, populate } from './populated.js';
import { describedName, nameOf } from './requests.js';

/** Longer than any answer may take; a trace that was asked for runs on, and is not waited for. */
const ANSWER_MS = 20_000;
const RUNS = 400;

interface Thrown {
  /** Of the description; null: nobody knows what it is. */
  readonly of: string | null;
  readonly method: string;
  readonly path: string;
  readonly body: string | null;
  readonly user: string | null;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PROPFIND', 'TRACE'];
const NAMES = [...new Set(ENDPOINTS.flatMap(({ fields = {} }) => Object.keys(fields)))];
/** What a path may hold as it stands; escapes that are none included. */
const pathText = fc.string({ unit: fc.constantFrom(...'ab/+%2F%23%zz$#.:@~-_%00%ff&=;,'), maxLength: 20 });
const word = fc.oneof(
  fc.constantFrom(
    CLIENT,
    'absent',
    'emqttd',
    'emq_retainer',
    'test_user',
    '__proto__',
    'constructor',
    '..',
    '%00',
  ),
  pathText.map((text) => text.replace(/[?#]/g, '').replace(/^\/*$/, 'x')),
);
const scalar = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, '', '1', 'a/b', 'a/#', CLIENT, '$share/g/a', '__proto__', 'base64'),
);
const member = fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 1, arbitrary: fc.jsonValue() });
const members = fc.dictionary(
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: fc.string() }),
  member,
  { maxKeys: 6 },
);
const body = fc.oneof(
  { weight: 6, arbitrary: members.map((each) => JSON.stringify(each)) },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(null, '', '{', '[1]', '{"__proto__":{"topic":"a"}}', '['.repeat(5_000)),
  },
);
const query = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string()), scalar), { maxLength: 3 })
  .map((pairs) => pairs.map((pair) => pair.map((each) => escaped(String(each))).join('=')).join('&'));
const user = fc.oneof(
  { weight: 30, arbitrary: fc.constant('admin:public') },
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
);

const known = fc
  .tuple(fc.constantFrom(...ENDPOINTS), fc.boolean(), fc.array(word, { minLength: 2, maxLength: 2 }), query)
  .map(([each, isHere, words, asked]) => {
    const rest = [...words];
    const filled = describedName(nameOf(each)).replace(/\{(\w+)\}/g, (_, name) =>
      name === 'node' && isHere ? NODE : (rest.pop() ?? 'x'),
    );
    const path = filled.split(' ')[1]!;
    return { of: nameOf(each), method: each.method, path: asked === '' ? path : `${path}?${asked}` };
  });
const unknown = fc
  .tuple(
    fc.constantFrom(...METHODS),
    fc.constantFrom('/', '/api/v2/', '/api/v2/nodes/', '/API/v2/users'),
    pathText,
  )
  .map(([method, start, rest]) => ({ of: null, method, path: `${start}${rest}` }));
const thrown: fc.Arbitrary<Thrown> = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: unknown }), body, user)
  .map(([asked, sent, who]) => ({ ...asked, body: asked.method === 'GET' ? null : sent, user: who }));

/** Half surrogate pairs have no escape. */
const escaped = (text: string): string => encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));

/** @returns the answer; of one that is a stream, the beginning */
function send(port: number, { method, path, body: sent, user: who }: Thrown): Promise<ApiAnswer> {
  const headers = {
    ...(who === null ? {} : { Authorization: `Basic ${Buffer.from(who).toString('base64')}` }),
    ...(sent === null ? {} : { 'Content-Length': String(Buffer.byteLength(sent)) }),
  };
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      const done = (): void => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode!, headers: response.headers, text, json: parsed(text) });
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (response.headers['content-type'] !== 'application/x-ndjson') return;
        done();
        asked.destroy();
      });
      response.on('end', done);
      response.on('error', () => undefined);
    });
    asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error(`no answer to ${method} ${path}`)));
    asked.on('error', reject);
    asked.end(sent ?? undefined);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns what is wrong with an answer, or null */
function faultOf({ of, method, user: who }: Thrown, answer: ApiAnswer, described: Described): string | null {
  const { status, headers, text } = answer;
  if ([400, 401, 404, 413].includes(status)) return text === '' ? null : `a body with ${status}: ${text}`;
  if (status !== 200) return `${status}`;
  if (of !== null) return who === 'admin:public' ? described.fault(describedName(of), answer) : null;
  const type = String(headers['content-type']);
  if (method === 'HEAD' || type.startsWith('text/plain')) return null;
  const { code, paths } = (answer.json ?? {}) as { code?: unknown; paths?: unknown };
  return type === 'application/json' && (typeof code === 'number' || Array.isArray(paths)) ? null : text;
}

test(
  'whatever is asked, by whatever method and with whatever body, is answered in a known way, and the broker goes on',
  withApi(POPULATED, async (ask, broker, t) => {
    t.timeout(120_000);
    const described = await Described.of(ask);
    await populate(broker);
    await fc.assert(
      fc.asyncProperty(thrown, async (each) => {
        const fault = faultOf(each, await send(broker.apiPort, each), described);
        if (fault !== null) throw new Error(`${each.method} ${each.path}: ${fault}`);
      }),
      { numRuns: RUNS },
    );
    const large = 'x'.repeat(API_BODY_BYTES_MAX + 1);
    const refused = { of: null, method: 'POST', path: '/api/v2/users', body: large, user: 'admin:public' };
    t.is((await send(broker.apiPort, refused)).status, 413);
    t.like((await ask('GET management/nodes')).json, { code: 0 });
    const [publisher, subscriber] = [await client(broker, 'publisher'), await client(broker, 'subscriber')];
    await subscriber.subscribe([['still/there', 1]]);
    await publisher.publish({ topic: 'still/there', payload: 'm', qos: 1 });
    await subscriber.expectPublish('m');
  }),
);
