/** How a message is written in a request, and what is published of it. Main thread. */
import { toUSVString } from 'node:util';
import type { ApiMessage } from '../actor/action-protocol.js';
import { API_MESSAGES_MAX, API_USER_PROPERTIES_MAX } from '../limits.js';
import { encodeMessageProperties } from '../protocol/mqtt/message-properties.js';
import type { UserProperty } from '../protocol/mqtt/properties.js';
import { isValidUtf8Mqtt } from '../protocol/mqtt/utf8.js';
import { wrongParameter } from './api-error.js';
import {
  type Field,
  type Fields,
  boolean as flag,
  integer,
  nullable,
  optional,
  readFields,
  string,
  type ValuesOf,
} from './fields.js';
import { type Schema, text } from './schema.js';

/** Of MQTT strings and binary data. */
const STRING_BYTES_MAX = 65_535;
const EXPIRY_SECONDS_MAX = 0xffffffff;

const PROPERTY_FIELDS = {
  payload_format_indicator: nullable(integer('1: the payload is text in UTF-8', 0, 1)),
  message_expiry_interval: nullable(integer('seconds', 0, EXPIRY_SECONDS_MAX)),
  content_type: nullable(mqttString('of the payload')),
  response_topic: nullable(mqttString('topic name for an answer')),
  correlation_data: nullable(base64('goes with an answer; in base64')),
  user_properties: nullable(userProperties()),
};

export const MESSAGE_FIELDS = {
  topic: string('name to publish to'),
  payload: optional(string('text, unless payload_encoding says otherwise'), ''),
  qos: optional(integer('quality of service', 0, 2), 0),
  retain: optional(flag('kept for those who subscribe later'), false),
  payload_encoding: optional(oneOf(['plain', 'base64'], 'how the payload is written'), 'plain'),
  properties: nullable(object(PROPERTY_FIELDS, 'MQTT 5 properties')),
};

type GivenMessage = ValuesOf<typeof MESSAGE_FIELDS>;
type GivenProperties = ValuesOf<typeof PROPERTY_FIELDS>;

/** More messages in one request. */
export const messagesField: Field<readonly GivenMessage[]> = {
  schema: {
    type: 'array',
    maxItems: API_MESSAGES_MAX,
    items: object(MESSAGE_FIELDS, 'a further message').schema,
    description: 'further messages, published after the first in their order; all are checked before any is',
  },
  fallback: { value: [] },
  read: (given) =>
    Array.isArray(given) && given.length <= API_MESSAGES_MAX
      ? given.map((each) => readFields(MESSAGE_FIELDS, asObject(each)))
      : undefined,
};

/** A name under which messages come: anything that a ClientId may be. */
export function originField(about: string): Field<string> {
  return { ...mqttString(about), fallback: { value: 'http' } };
}

/** @throws ApiError 108 for what its encoding or properties do not allow */
export function messageOf({ topic, payload, qos, retain, ...given }: GivenMessage): ApiMessage {
  const { properties } = given;
  const isBase64 = given.payload_encoding === 'base64';
  if (isBase64 ? !isBase64Text(payload) : !isUnicode(payload)) throw wrongParameter();
  return {
    topic,
    payload: Buffer.from(payload, isBase64 ? 'base64' : 'utf8'),
    qos: qos as 0 | 1 | 2,
    retain,
    properties: properties === null ? Buffer.alloc(0) : encodeProperties(properties),
    expirySeconds: properties?.message_expiry_interval ?? -1,
  };
}

function encodeProperties(given: GivenProperties): Buffer {
  const responseTopic = given.response_topic;
  if (responseTopic !== null && /^$|[+#]/.test(responseTopic)) throw wrongParameter();
  return encodeMessageProperties({
    payloadFormatIndicator: given.payload_format_indicator as 0 | 1 | null,
    contentType: given.content_type,
    responseTopic,
    correlationData: given.correlation_data,
    userProperties: given.user_properties ?? [],
  });
}

/** @throws ApiError 108 */
function asObject(given: unknown): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrongParameter();
  return given as Record<string, unknown>;
}

function object<F extends Fields>(fields: F, about: string): Field<ValuesOf<F>> {
  const entries = Object.entries(fields);
  const schema: Schema = {
    type: 'object',
    description: about,
    properties: Object.fromEntries(entries.map(([name, field]) => [name, field.schema])),
    required: entries.filter(([, { fallback }]) => fallback === null).map(([name]) => name),
  };
  return { schema, fallback: null, read: (given) => readFields(fields, asObject(given)) };
}

function oneOf(words: readonly string[], about: string): Field<string> {
  return {
    schema: { type: 'string', enum: words, description: about },
    fallback: null,
    read: (given) => (words.includes(given as string) ? (given as string) : undefined),
  };
}

function mqttString(about: string): Field<string> {
  return {
    schema: { ...text(about), maxLength: STRING_BYTES_MAX },
    fallback: null,
    read: (given) => (typeof given === 'string' && isMqttString(given) ? given : undefined),
  };
}

function base64(about: string): Field<Uint8Array> {
  return {
    schema: text(about),
    fallback: null,
    read: (given) => {
      if (typeof given !== 'string' || !isBase64Text(given)) return undefined;
      const bytes = Buffer.from(given, 'base64');
      return bytes.length <= STRING_BYTES_MAX ? bytes : undefined;
    },
  };
}

function userProperties(): Field<readonly UserProperty[]> {
  const pair: Schema = { type: 'array', items: text('name, then value'), minItems: 2, maxItems: 2 };
  return {
    schema: {
      type: 'array',
      items: pair,
      maxItems: API_USER_PROPERTIES_MAX,
      description: 'pairs of name and value, in their order; a name may come again',
    },
    fallback: null,
    read: (given) => {
      if (!Array.isArray(given) || given.length > API_USER_PROPERTIES_MAX) return undefined;
      return given.every(isUserProperty) ? given : undefined;
    },
  };
}

function isUserProperty(given: unknown): given is UserProperty {
  return Array.isArray(given) && given.length === 2 && given.every((each) => isMqttString(each));
}

/** Half a surrogate pair would become another character on its way. */
const isUnicode = (text: string): boolean => toUSVString(text) === text;

/** Whole groups of four, padded. */
function isBase64Text(given: string): boolean {
  return given.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(given);
}

function isMqttString(given: unknown): given is string {
  if (typeof given !== 'string') return false;
  const bytes = Buffer.from(given, 'utf8');
  return bytes.length <= STRING_BYTES_MAX && isValidUtf8Mqtt(bytes, 0, bytes.length) && isUnicode(given);
}
