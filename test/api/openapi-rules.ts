/** What OpenAPI 3.1 demands of a document, as far as ours uses it. */
import type { ApiDocument, Operation } from './described.js';

type Json = Readonly<Record<string, unknown>>;

/** Keys that objects of each kind must and may have. */
const KEYS: Readonly<Record<string, readonly [required: readonly string[], optional: readonly string[]]>> = {
  document: [
    ['openapi', 'info'],
    ['servers', 'paths', 'components', 'security', 'tags', 'jsonSchemaDialect'],
  ],
  info: [
    ['title', 'version'],
    ['summary', 'description', 'termsOfService', 'contact', 'license'],
  ],
  license: [['name'], ['identifier', 'url']],
  server: [['url'], ['description', 'variables']],
  tag: [['name'], ['description', 'externalDocs']],
  components: [[], ['schemas', 'responses', 'parameters', 'securitySchemes', 'examples', 'requestBodies']],
  securityScheme: [['type', 'scheme'], ['description']],
  operation: [
    ['responses'],
    ['tags', 'operationId', 'summary', 'description', 'parameters', 'requestBody', 'security', 'deprecated'],
  ],
  parameter: [
    ['name', 'in', 'schema'],
    ['description', 'required', 'example', 'deprecated'],
  ],
  requestBody: [['content'], ['description', 'required']],
  response: [['description'], ['content', 'headers']],
  media: [[], ['schema', 'example', 'examples']],
};

type Check = (schema: Json) => string | null;

/** @param brokenSchema says why something is no JSON Schema. @returns all that is wrong */
export function faultsOf(document: ApiDocument, brokenSchema: Check): string[] {
  const faults: string[] = [];
  const look = (kind: string, where: string, value: unknown): Json => {
    faults.push(...wrongKeys(kind, where, value));
    return value as Json;
  };
  const { info, servers, tags, components, security } = look('document', '', document);
  look('license', 'info/license', look('info', 'info', info)['license']);
  for (const each of servers as readonly Json[]) look('server', 'servers', each);
  for (const each of tags as readonly Json[]) look('tag', 'tags', each);
  const { schemas, responses, securitySchemes } = look('components', 'components', components);
  for (const each of Object.values(responses as Json)) look('response', 'responses', each);
  for (const each of Object.values(securitySchemes as Json)) look('securityScheme', 'securitySchemes', each);
  const known = Object.keys(securitySchemes as Json);
  faults.push(...(security as readonly Json[]).flatMap(Object.keys).filter((name) => !known.includes(name)));
  const all = operationsOf(document);
  for (const [where, path, operation] of all) faults.push(...operationFaults(where, path, operation, look));
  const ids = all.map(([, , { operationId }]) => operationId);
  faults.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice: ${id}`));
  const found = [...Object.values(schemas as Json), ...schemasOf(all.map(([, , each]) => each))];
  for (const each of found) faults.push(...[brokenSchema(each as Json)].filter((fault) => fault !== null));
  faults.push(...brokenReferences(document));
  return faults;
}

function wrongKeys(kind: string, where: string, value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [`${where} is no ${kind}`];
  const [required, optional] = KEYS[kind]!;
  const keys = Object.keys(value);
  const missing = required.filter((key) => !keys.includes(key)).map((key) => `${where}: no ${key}`);
  const unknown = keys.filter((key) => !required.includes(key) && !optional.includes(key));
  return [...missing, ...unknown.map((key) => `${where}: ${key} has no place in ${kind}`)];
}

type Look = (kind: string, where: string, value: unknown) => Json;

function operationsOf({ paths }: ApiDocument): (readonly [where: string, path: string, Operation])[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, each]) => [`${method} ${path}`, path, each] as const),
  );
}

function operationFaults(where: string, path: string, operation: Operation, look: Look): string[] {
  const faults: string[] = [];
  look('operation', where, operation);
  if (!/^(get|put|post|delete) \//.test(where)) faults.push(`${where}: not a method and a path`);
  for (const each of operation.parameters ?? []) look('parameter', where, each);
  const named = (operation.parameters ?? []).filter((each) => each.in === 'path' && each.required);
  const braces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  if (named.map(({ name }) => name).join() !== braces.join()) faults.push(`${where}: parameters of the path`);
  if (operation.requestBody !== undefined) look('requestBody', where, operation.requestBody);
  for (const [status, each] of Object.entries(operation.responses)) {
    if (!/^[1-5]\d\d$/.test(status)) faults.push(`${where}: ${status}`);
    if (each.$ref === undefined) look('response', where, each);
    for (const media of Object.values(each.content ?? {})) look('media', where, media);
  }
  return faults;
}

function schemasOf(operations: readonly Operation[]): Json[] {
  return operations.flatMap(({ parameters = [], requestBody, responses }) => {
    const contents = [requestBody, ...Object.values(responses)].map((each) => each?.content ?? {});
    return [...parameters, ...contents.flatMap((each) => Object.values(each))].map(
      (each) => (each as unknown as { schema: Json }).schema,
    );
  });
}

function brokenReferences(document: ApiDocument): string[] {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
    ([, path = '']) => path,
  );
  return [...new Set(references)].filter((path) => {
    const found = path
      .split('/')
      .reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document);
    return found === undefined;
  });
}
