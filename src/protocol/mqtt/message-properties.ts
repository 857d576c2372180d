/** MQTT 5 properties of a message that no client has sent, in wire form. Any thread. */
import { Property, type UserProperty } from './properties.js';

/** Null: left out. Strings are valid in MQTT and, as the data, no longer than 65,535 bytes. */
export interface MessageProperties {
  readonly payloadFormatIndicator: 0 | 1 | null;
  readonly contentType: string | null;
  readonly responseTopic: string | null;
  readonly correlationData: Uint8Array | null;
  readonly userProperties: readonly UserProperty[];
}

/** @returns what `createMessage` takes, without the length in front */
export function encodeMessageProperties(properties: MessageProperties): Buffer {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const parts: Uint8Array[] = [];
  if (payloadFormatIndicator !== null)
    parts.push(Buffer.from([Property.PayloadFormatIndicator, payloadFormatIndicator]));
  if (contentType !== null) parts.push(id(Property.ContentType), ...string(contentType));
  if (responseTopic !== null) parts.push(id(Property.ResponseTopic), ...string(responseTopic));
  if (correlationData !== null) parts.push(id(Property.CorrelationData), ...binary(correlationData));
  for (const [name, value] of userProperties) {
    parts.push(id(Property.UserProperty), ...string(name), ...string(value));
  }
  return Buffer.concat(parts);
}

function id(property: number): Buffer {
  return Buffer.from([property]);
}

function string(text: string): Uint8Array[] {
  return binary(Buffer.from(text, 'utf8'));
}

function binary(bytes: Uint8Array): Uint8Array[] {
  return [Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes];
}
