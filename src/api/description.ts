/** The description of the API in OpenAPI 3.1, which follows from the endpoints. Main thread. */
import { API_CODES, type ApiCode } from './api-error.js';
import type { NodePort } from './broker-port.js';
import type { Endpoint, EndpointGroup } from './endpoint.js';
import type { Fields } from './fields.js';
import { objectOf, type Schema } from './schema.js';

type Json = Readonly<Record<string, unknown>>;

const JSON_TYPE = 'application/json';

/** What the braces of paths stand for. */
const PATH_PARAMETERS: Readonly<Record<string, Schema>> = {
  node: { type: 'string', description: 'name of the node', examples: ['shardmq@127.0.0.1'] },
  client_id: { type: 'string', description: 'ClientId, with slashes too', examples: ['meter-1'] },
  topic: { type: 'string', description: 'filter; `#` is written %23, `+` %2B', examples: ['demo/hello'] },
  plugin: { type: 'string', description: 'name of the plugin', examples: ['emq_retainer'] },
  app: { type: 'string', description: '`emqttd` for the broker, or a plugin', examples: ['emqttd'] },
  username: { type: 'string', description: 'name of the user', examples: ['admin'] },
};

/** @returns an OpenAPI document of these endpoints */
export function describeApi(groups: readonly EndpointGroup[], node: NodePort): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'shardmq',
      version: node.version,
      description:
        'The REST API v2 of EMQ 2.3, and what goes beyond it. Errors come with HTTP 200 and a `code`. ' +
        'Keys of objects stand in the order in which they are described.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: node.name }],
    security: [{ basic: [] }],
    tags: groups.map(({ name, about }) => ({ name, description: about })),
    paths: pathsOf(groups),
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic', description: 'a user of the API' } },
      schemas: Object.fromEntries(allCodes().map((code) => [nameOf(code), errorSchema(code)])),
      responses: {
        Unauthorized: { description: 'no user, or a wrong password; the body is empty' },
        Forbidden: {
          description: 'a browser asks for a page from elsewhere, or the first password comes by a host name',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
        TooLarge: { description: 'the body is larger than 1 MiB; the connection is closed' },
      },
    },
  };
}

/** @returns the codes of the errors that a request may be answered with, in order */
export function codesOf({ method, path, fields = {}, codes = [] }: Endpoint): readonly ApiCode[] {
  const all = Object.values(fields);
  // What every endpoint may meet: a shard that does not answer, and whatever else goes wrong.
  const found: ApiCode[] = [101, 102, ...codes];
  if (all.some(({ fallback }) => fallback === null)) found.push(107);
  if (all.length > 0 || path.includes('{')) found.push(108);
  if (method !== 'GET') found.push(109);
  return [...new Set(found)].sort((a, b) => a - b);
}

/** @returns the schema of a whole answer with HTTP 200 that is no error */
export function successSchema({ answer, answerType }: Endpoint): Schema {
  return answerType === undefined ? objectOf({ code: { const: 0 }, result: answer }) : answer;
}

function allCodes(): ApiCode[] {
  return Object.keys(API_CODES)
    .map(Number)
    .filter((code) => code !== 0) as ApiCode[];
}

const nameOf = (code: ApiCode): string => `Error${code}`;

/** The message may be missing, as it is in EMQ for some. */
function errorSchema(code: ApiCode): Schema {
  const properties = { code: { const: code }, message: { type: 'string' } } as const;
  return {
    type: 'object',
    description: API_CODES[code],
    properties,
    required: ['code'],
    additionalProperties: false,
  };
}

function pathsOf(groups: readonly EndpointGroup[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const { name, endpoints } of groups) {
    for (const each of endpoints) {
      const path = wholePath(each.path);
      paths[path] = { ...paths[path], [each.method.toLowerCase()]: operationOf(each, name) };
    }
  }
  return paths;
}

/** @returns the path from the root, as the description names it */
export const wholePath = (path: string): string => (path.startsWith('/') ? path : `/api/v2/${path}`);

function operationOf(each: Endpoint, tag: string): Json {
  const { method, path, about, fields = {}, isOpen = false, takesAnyBody = false } = each;
  const isQuery = method === 'GET';
  const parameters = [...pathParameters(path), ...(isQuery ? queryParameters(fields) : [])];
  return {
    tags: [tag],
    operationId: operationId(each),
    summary: about,
    ...(isOpen ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(isQuery || (Object.keys(fields).length === 0 && !takesAnyBody) ? {} : { requestBody: bodyOf(each) }),
    responses: {
      200: { description: 'the answer, or an error with its code', content: contentOf(each) },
      ...(isOpen ? {} : { 401: { $ref: '#/components/responses/Unauthorized' } }),
      403: { $ref: '#/components/responses/Forbidden' },
      ...(isQuery ? {} : { 413: { $ref: '#/components/responses/TooLarge' } }),
    },
  };
}

/** @returns for example `getNodesByNodeClients` */
function operationId({ method, path }: Endpoint): string {
  const words = path.replace(/\{(\w+)\}/g, 'by_$1').split(/[^A-Za-z0-9]+/);
  const parts = words.filter((word) => word !== '').map((word) => word[0]!.toUpperCase() + word.slice(1));
  return `${method.toLowerCase()}${parts.join('')}`;
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const { description, ...schema } = PATH_PARAMETERS[name] ?? { type: 'string' };
    return { name, in: 'path', required: true, description, schema };
  });
}

function queryParameters(fields: Fields): Json[] {
  return Object.entries(fields).map(([name, { schema: whole, fallback }]) => {
    const { description, ...schema } = whole;
    return { name, in: 'query', required: fallback === null, description, schema };
  });
}

function bodyOf({ fields = {}, takesAnyBody = false, example }: Endpoint): Json {
  const entries = Object.entries(fields);
  const required = entries.filter(([, { fallback }]) => fallback === null).map(([name]) => name);
  const schema: Schema = takesAnyBody
    ? { type: 'object', additionalProperties: true }
    : { type: 'object', properties: Object.fromEntries(entries.map(([k, f]) => [k, f.schema])), required };
  const media = { schema, ...(example === undefined ? {} : { example }) };
  return { required: required.length > 0, content: { [JSON_TYPE]: media } };
}

function contentOf(each: Endpoint): Json {
  const success = successSchema(each);
  const errors = codesOf(each).map((code) => ({ $ref: `#/components/schemas/${nameOf(code)}` }));
  const type = each.answerType ?? JSON_TYPE;
  const example = exampleOf(success);
  if (type === JSON_TYPE) return { [JSON_TYPE]: { schema: { oneOf: [success, ...errors] }, example } };
  return { [type]: { schema: success, example }, [JSON_TYPE]: { schema: { oneOf: errors } } };
}

/** @returns what an answer of this shape may look like */
function exampleOf(schema: Schema): unknown {
  const { type, properties = {}, items = {}, oneOf, enum: words } = schema;
  const given = schema.const ?? schema.examples?.[0] ?? words?.[0];
  if (given !== undefined) return given;
  if (oneOf !== undefined) return exampleOf(oneOf[0]!);
  if (type === 'array') return schema.maxItems === 0 ? [] : [exampleOf(items)];
  if (type !== 'object') return type === 'boolean' ? true : '';
  const entries = Object.entries(properties).map(([name, each]) => [name, exampleOf(each)]);
  // By name of the node, of which there is one.
  const { additionalProperties: more } = schema;
  if (typeof more === 'object') entries.push([PATH_PARAMETERS['node']!.examples![0], exampleOf(more)]);
  return Object.fromEntries(entries);
}
