/** JSON Schema, as far as the API's description needs it, and short ways to write it. Main thread. */

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly (string | number)[];
  readonly const?: string | number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: string | number | boolean;
  readonly examples?: readonly (string | number | boolean)[];
  readonly oneOf?: readonly Schema[];
}

/** @param example what it may look like, where its description does not say */
export const text = (description: string, example?: string): Schema => ({
  type: 'string',
  description,
  ...(example === undefined ? {} : { examples: [example] }),
});
export const whole = (description: string, example = 1): Schema => ({
  type: 'integer',
  description,
  examples: [example],
});
export const yesNo = (description: string): Schema => ({ type: 'boolean', description });
export const listOf = (items: Schema): Schema => ({ type: 'array', items });

/** An object with exactly these keys, in this order. */
export function objectOf(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** What EMQ answers where there is nothing to say: `[]`. */
export const NOTHING: Schema = { type: 'array', maxItems: 0, description: 'always empty' };
