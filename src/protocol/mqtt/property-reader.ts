/** Walks the properties of the rarer packets strictly, by the table of properties. Any thread. */
import { binaryEnd, readUint16, readUint32, stringEnd } from './fields.js';
import {
  PROPERTIES,
  PROPERTY_ID_END,
  Property,
  type PropertyPlace,
  type PropertyRow,
  type UserProperty,
} from './properties.js';
import { ReasonCode } from './reason-code.js';
import { readVarint, varintBytes } from './varint.js';

const ROW_BY_ID: (PropertyRow | undefined)[] = new Array(PROPERTY_ID_END).fill(undefined);
// By identifier: a bit per place where the property may stand.
const PLACES_BY_ID = new Uint16Array(256);
for (const row of PROPERTIES) {
  ROW_BY_ID[row.id] = row;
  for (const place of row.places) PLACES_BY_ID[row.id]! |= 1 << place;
}

const EMPTY = Buffer.alloc(0);

/** The properties of one packet. One is used again and again; what it gives out is copied and may be kept. */
export class PropertyReader {
  /** Where the properties lie, without their length; `end` is where the packet goes on. */
  start = 0;
  end = 0;
  private bytes: Buffer = EMPTY;
  // By identifier: offset of the identifier, or -1.
  private readonly offsets = new Int32Array(PROPERTY_ID_END).fill(-1);
  private hasUserProperties = false;

  /**
   * Walks the properties whose length is at `at`; the packet ends at `end`.
   * @returns 0, or the reason code with which to refuse the packet.
   */
  read(bytes: Buffer, at: number, end: number, place: PropertyPlace): number {
    this.offsets.fill(-1);
    this.hasUserProperties = false;
    this.bytes = bytes;
    const length = readVarint(bytes, at, end);
    if (length < 0) return ReasonCode.MalformedPacket;
    this.start = at + varintBytes(length);
    this.end = this.start + length;
    if (this.end > end) return ReasonCode.MalformedPacket;
    at = this.start;
    while (at < this.end) {
      at = this.step(at, place);
      if (at < 0) return -at;
    }
    return 0;
  }

  /** For packets that may end before their property length: leaves none. */
  clear(at: number): void {
    this.offsets.fill(-1);
    this.hasUserProperties = false;
    this.start = this.end = at;
  }

  has(id: number): boolean {
    return this.offsets[id]! >= 0;
  }

  /** The value of a byte, two-byte, four-byte or variable number, or `otherwise` when it is not there. */
  number(id: number, otherwise: number): number {
    const at = this.offsets[id]!;
    return at < 0 ? otherwise : numberAt(this.bytes, ROW_BY_ID[id]!, at + 1, this.end);
  }

  string(id: number): string | null {
    const at = this.offsets[id]!;
    return at < 0 ? null : stringAt(this.bytes, at + 1);
  }

  binary(id: number): Buffer | null {
    const at = this.offsets[id]!;
    return at < 0 ? null : Buffer.from(this.bytes.subarray(at + 3, at + 3 + readUint16(this.bytes, at + 1)));
  }

  /** A copy of all user properties in wire form and order; `decodeUserProperties` makes text of them. */
  userProperties(): Buffer {
    if (!this.hasUserProperties) return EMPTY;
    return this.copyWhere((id) => id === Property.UserProperty);
  }

  /** A copy of the properties in wire form and order, without two that do not travel. */
  copyWithout(idA: number, idB: number): Buffer {
    return this.start === this.end ? EMPTY : this.copyWhere((id) => id !== idA && id !== idB);
  }

  /** Lets go of the packet's bytes. */
  release(): void {
    this.bytes = EMPTY;
  }

  // Copies neighbours at once: a packet may hold hundreds of thousands of user properties.
  private copyWhere(isKept: (id: number) => boolean): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.end - this.start);
    let length = 0;
    let runStart = this.start;
    for (let at = this.start; at < this.end; ) {
      const next = this.behind(at);
      if (!isKept(this.bytes[at]!)) {
        length += this.bytes.copy(copy, length, runStart, at);
        runStart = next;
      }
      at = next;
    }
    length += this.bytes.copy(copy, length, runStart, this.end);
    return copy.subarray(0, length);
  }

  // Checks the property at `at`. @returns the offset behind it, or a reason code as a negative number.
  private step(at: number, place: PropertyPlace): number {
    const id = this.bytes[at]!;
    if ((PLACES_BY_ID[id]! & (1 << place)) === 0) return -ReasonCode.MalformedPacket;
    if (id === Property.UserProperty) {
      this.hasUserProperties = true;
      return pairEnd(this.bytes, at + 1, this.end);
    }
    if (this.offsets[id]! >= 0) return -ReasonCode.ProtocolError;
    this.offsets[id] = at;
    const row = ROW_BY_ID[id]!;
    const next = valueEnd(this.bytes, row, at + 1, this.end);
    if (next < 0 || next > this.end) return -ReasonCode.MalformedPacket;
    if (row.least !== undefined || row.most !== undefined) {
      const value = numberAt(this.bytes, row, at + 1, this.end);
      if (value < (row.least ?? 0) || value > (row.most ?? value)) return -ReasonCode.ProtocolError;
    }
    return next;
  }

  // The offset behind the property at `at`, which has been checked.
  private behind(at: number): number {
    if (this.bytes[at] !== Property.UserProperty) {
      return valueEnd(this.bytes, ROW_BY_ID[this.bytes[at]!]!, at + 1, this.end);
    }
    const valueAt = at + 3 + readUint16(this.bytes, at + 1);
    return valueAt + 2 + readUint16(this.bytes, valueAt);
  }
}

/**
 * @returns the first `countMax` user properties of those in `bytes`, which `userProperties` has given out.
 */
export function decodeUserProperties(bytes: Buffer, countMax: number): UserProperty[] {
  const found: UserProperty[] = [];
  for (let at = 0; at < bytes.length && found.length < countMax; ) {
    const valueAt = at + 3 + readUint16(bytes, at + 1);
    found.push([stringAt(bytes, at + 1), stringAt(bytes, valueAt)]);
    at = valueAt + 2 + readUint16(bytes, valueAt);
  }
  return found;
}

/**
 * @returns the offset behind the value, which may lie behind `end`; negative where a string or number in it
 * is wrong.
 */
function valueEnd(bytes: Buffer, row: PropertyRow, at: number, end: number): number {
  switch (row.type) {
    case 'byte':
      return at + 1;
    case 'uint16':
      return at + 2;
    case 'uint32':
      return at + 4;
    case 'varint': {
      const value = readVarint(bytes, at, end);
      return value < 0 ? value : at + varintBytes(value);
    }
    case 'string':
      return stringEnd(bytes, at, end);
    case 'binary':
      return binaryEnd(bytes, at, end);
    case 'pair':
      return pairEnd(bytes, at, end);
  }
}

function pairEnd(bytes: Buffer, at: number, end: number): number {
  const valueAt = stringEnd(bytes, at, end);
  return valueAt < 0 ? valueAt : stringEnd(bytes, valueAt, end);
}

function numberAt(bytes: Buffer, row: PropertyRow, at: number, end: number): number {
  switch (row.type) {
    case 'byte':
      return bytes[at]!;
    case 'uint16':
      return readUint16(bytes, at);
    case 'uint32':
      return readUint32(bytes, at);
    default:
      return readVarint(bytes, at, end);
  }
}

function stringAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + 2, at + 2 + readUint16(bytes, at));
}
