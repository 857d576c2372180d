/** `shardmq publish`. Main thread. */
import { createReadStream } from 'node:fs';
import { API_BODY_BYTES_MAX } from '../../../limits.js';
import { EXIT } from '../../exit-codes.js';
import { CliError } from '../cli-error.js';
import { type Context, type Handlers, wholeOption } from '../context.js';
import { displayText } from '../display-text.js';

async function publish({ words, options, api, out }: Context): Promise<void> {
  const [topic, message] = words as [string, string | undefined];
  const file = options.get('--file');
  if (file !== undefined && message !== undefined) {
    throw new CliError('the message is MESSAGE or in --file, not both', EXIT.usage);
  }
  const bytes = message === undefined ? await readBytes(file) : Buffer.from(message);
  await api.post('mqtt/publish', {
    topic,
    ...payloadFields(bytes),
    qos: wholeOption(options, '--qos', 0, 2) ?? 0,
    retain: options.has('--retain'),
    ...(options.has('--client-id') ? { client_id: options.get('--client-id') } : {}),
  });
  if (!out.isJson) await out.lines([`${bytes.length} bytes published to ${displayText(topic)}`]);
}

/** What is no text goes as Base64. */
function payloadFields(bytes: Buffer): object {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return { payload: text };
  return { payload: bytes.toString('base64'), payload_encoding: 'base64' };
}

async function readBytes(file: string | undefined): Promise<Buffer> {
  if (file === undefined && process.stdin.isTTY) {
    throw new CliError("there is no MESSAGE; an empty one is ''", EXIT.usage);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const input = file === undefined ? process.stdin : createReadStream(file);
    for await (const chunk of input as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > API_BODY_BYTES_MAX) break;
    }
  } catch (error) {
    throw new CliError(`the message cannot be read: ${(error as Error).message}`, EXIT.usage);
  }
  if (length > API_BODY_BYTES_MAX) throw new CliError('the message is larger than a request may be');
  return Buffer.concat(chunks);
}

export const handlers: Handlers = { '': publish };
