/** Holds answers to the description of the API: the schema of each request, and the order of keys. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { ApiAnswer, AskApi } from '../helpers/api.js';

type Json = Readonly<Record<string, unknown>>;
type Content = Readonly<Record<string, { readonly schema: Json; readonly example?: unknown }>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content; readonly $ref?: string }>>;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export class Described {
  readonly #ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    allowUnionTypes: true,
    keywords: ['components'],
  });
  readonly #compiled = new Map<string, ValidateFunction>();

  private constructor(readonly document: ApiDocument) {}

  static async of(ask: AskApi): Promise<Described> {
    return new Described((await ask('GET openapi.json')).json as ApiDocument);
  }

  /** @returns what is wrong with an answer to `GET /api/v2/users/{username}`, or null */
  fault(what: string, { status, headers, text, json }: ApiAnswer): string | null {
    const [method = '', path = ''] = what.split(' ');
    const responses = this.document.paths[path]?.[method.toLowerCase()]?.responses;
    if (responses === undefined) return `${what} is not described`;
    const response = responses[status];
    if (response === undefined) return `${what}: ${status} is not described`;
    if (response.content === undefined) return text === '' ? null : `${what}: ${status} has a body`;
    const type = String(headers['content-type']);
    const schema = response.content[type]?.schema;
    if (schema === undefined) return `${what}: the type ${type} is not described`;
    const value = type === 'application/json' ? json : text;
    const validate = this.#validator(`${what} ${type}`, schema);
    if (!validate(value)) return `${what}: ${this.#ajv.errorsText(validate.errors)} in ${text.slice(0, 500)}`;
    return this.#disorder(schema, value);
  }

  /** @returns why a schema is none, or null */
  brokenSchema(schema: Json): string | null {
    try {
      this.#ajv.compile({ ...schema, components: this.document.components });
      return null;
    } catch (error) {
      return String(error);
    }
  }

  #validator(name: string, schema: Json): ValidateFunction {
    const known = this.#compiled.get(name);
    if (known !== undefined) return known;
    const validate = this.#ajv.compile({ ...schema, components: this.document.components });
    this.#compiled.set(name, validate);
    return validate;
  }

  /** Keys of objects come in the order in which they are described. */
  #disorder(given: Json, value: unknown): string | null {
    if (typeof value !== 'object' || value === null) return null;
    const schema = this.#alternative(given, value);
    if (Array.isArray(value)) return first(value, (each) => this.#disorder(asSchema(schema['items']), each));
    const properties = asSchema(schema['properties']);
    const keys = Object.keys(value);
    const expected = Object.keys(properties).filter((key) => Object.hasOwn(value, key));
    const named = keys.filter((key) => Object.hasOwn(properties, key));
    if (named.join('\n') !== expected.join('\n'))
      return `order of keys: ${named.join()}, not ${expected.join()}`;
    return first(Object.entries(value), ([key, each]) => {
      const inner = properties[key] ?? schema['additionalProperties'];
      return this.#disorder(asSchema(inner), each);
    });
  }

  #alternative(schema: Json, value: unknown): Json {
    const { $ref: ref, oneOf } = schema as { $ref?: string; oneOf?: readonly Json[] };
    if (ref !== undefined) return this.document.components.schemas[ref.split('/').at(-1)!]!;
    if (oneOf === undefined) return schema;
    const { components } = this.document;
    const found = oneOf.find((each) => this.#validator(JSON.stringify(each), { ...each, components })(value));
    return this.#alternative(found!, value);
  }
}

const asSchema = (given: unknown): Json =>
  typeof given === 'object' && given !== null ? (given as Json) : {};

function first<T>(all: readonly T[], fault: (each: T) => string | null): string | null {
  for (const each of all) {
    const found = fault(each);
    if (found !== null) return found;
  }
  return null;
}
