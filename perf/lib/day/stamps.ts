/** What a message of a day carries: when it was sent, its number, and whose it is. Runs on the generator's threads. */
import { type PublishTemplate, STAMP_BYTES } from '../packets.js';

/** Writes the next message over a template. @returns the bytes to send */
export function stamped(
  template: PublishTemplate,
  packetId: number,
  sentMs: number,
  sequence: number,
  device: number,
): Buffer {
  const { bytes, packetIdAt, payloadAt } = template;
  if (packetIdAt > 0) bytes.writeUInt16BE(packetId, packetIdAt);
  writeStamp(bytes, payloadAt, sentMs, sequence, device);
  return bytes;
}

export function writeStamp(
  bytes: Buffer,
  at: number,
  sentMs: number,
  sequence: number,
  device: number,
): void {
  bytes.writeDoubleLE(sentMs, at);
  bytes.writeUInt32LE(sequence, at + 8);
  bytes.writeUInt32LE(device, at + 12);
}

/** A message as it has come; one object stands for each in turn. */
export class Arrived {
  qos = 0;
  isRepeated = false;
  isRetained = false;
  packetId = 0;
  sentMs = 0;
  sequence = 0;
  device = 0;

  /** @throws Error when it has no stamp */
  read(bytes: Buffer, header: number, body: number, end: number): void {
    const flags = bytes[header]!;
    this.qos = (flags >> 1) & 3;
    this.isRepeated = (flags & 8) !== 0;
    this.isRetained = (flags & 1) !== 0;
    let payload = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!);
    this.packetId = 0;
    if (this.qos > 0) {
      this.packetId = bytes.readUInt16BE(payload);
      payload += 2;
    }
    if (end - payload < STAMP_BYTES) throw new Error('a message without a stamp');
    this.sentMs = bytes.readDoubleLE(payload);
    this.sequence = bytes.readUInt32LE(payload + 8);
    this.device = bytes.readUInt32LE(payload + 12);
  }
}
