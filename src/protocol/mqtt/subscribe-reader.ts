/**
 * Reads SUBSCRIBE and UNSUBSCRIBE in slices: one packet may hold more filters than a turn has time for. Runs
 * in shards.
 */
import { SUBSCRIBE_FILTER_UNIT_BYTES } from '../../limits.js';
import { readUint16, stringEnd } from './fields.js';
import { PacketType, type ProtocolVersion } from './packet-type.js';
import { Property } from './properties.js';
import { PropertyReader } from './property-reader.js';
import { ReasonCode } from './reason-code.js';

/** `validateSome` wants to be called again. Its other answers are 0 and reason codes. */
export const VALIDATE_MORE = -1;

const NO_LOCAL = 0x04;
const SHARE_PREFIX = Buffer.from('$share/');

const properties = new PropertyReader();

/**
 * First `validateSome` until it no longer says VALIDATE_MORE, then `next` once per filter. The bytes must
 * stay as they are meanwhile: whoever goes on in a later turn calls `keep` first.
 */
export class SubscribeReader {
  packetId = 0;
  /** Subscription identifier; 0 for none. */
  identifier = 0;
  /** How many filters the packet holds; right once it is validated. */
  filterCount = 0;
  /** What `next` found. Valid UTF-8; whether it is a topic filter is the caller's to check. */
  filter = '';
  /** Options byte of that filter; in 3.x and in UNSUBSCRIBE only the QoS can be other than 0. */
  options = 0;

  private bytes: Buffer;
  private end: number;
  private firstFilter = 0;
  private at: number;
  private isOpened = false;

  constructor(
    private readonly type: typeof PacketType.Subscribe | typeof PacketType.Unsubscribe,
    bytes: Buffer,
    bodyStart: number,
    bodyEnd: number,
    private readonly version: ProtocolVersion,
  ) {
    this.bytes = bytes;
    this.at = bodyStart;
    this.end = bodyEnd;
  }

  /**
   * Checks about `filtersMax` more filters (long ones count more than once).
   * @returns 0 when the whole packet is well-formed, VALIDATE_MORE, or the reason code with which to end the
   * connection.
   */
  validateSome(filtersMax: number): number {
    if (!this.isOpened) {
      const reason = this.open();
      if (reason !== ReasonCode.Success) return reason;
    }
    let budget = filtersMax;
    while (this.at < this.end) {
      if (budget <= 0) return VALIDATE_MORE;
      const start = this.at;
      const reason = this.validateFilter();
      if (reason !== ReasonCode.Success) return reason;
      this.filterCount++;
      budget -= 1 + Math.floor((this.at - start) / SUBSCRIBE_FILTER_UNIT_BYTES);
    }
    // v3 [MQTT-3.8.3-3], [MQTT-3.10.3-2]; v5 [MQTT-3.8.3-2], [MQTT-3.10.3-2]
    if (this.filterCount === 0) return ReasonCode.ProtocolError;
    this.at = this.firstFilter;
    return ReasonCode.Success;
  }

  /** Steps to the next filter of a validated packet. @returns false behind the last one. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const start = this.at + 2;
    this.at = start + readUint16(this.bytes, this.at);
    this.filter = this.bytes.toString('utf8', start, this.at);
    if (this.type === PacketType.Subscribe) this.options = this.bytes[this.at++]!;
    return true;
  }

  /** Takes a copy of what is left, so that the reader outlives the buffer it was made on. */
  keep(): void {
    // The filters are gone through twice, so those already validated are still needed.
    const from = this.isOpened ? this.firstFilter : this.at;
    this.bytes = Buffer.from(this.bytes.subarray(from, this.end));
    this.at -= from;
    this.end -= from;
    this.firstFilter = 0;
  }

  // Packet identifier and properties, at once: they are bounded by the packet's size, as in every other
  // packet.
  private open(): number {
    this.isOpened = true;
    if (this.at + 2 > this.end) return ReasonCode.MalformedPacket;
    this.packetId = readUint16(this.bytes, this.at);
    // v3 [MQTT-2.3.1-1], v5 [MQTT-2.2.1-3]
    if (this.packetId === 0) return ReasonCode.ProtocolError;
    this.at += 2;
    if (this.version === 5) {
      const reason = properties.read(this.bytes, this.at, this.end, this.type);
      if (reason !== ReasonCode.Success) return reason;
      this.identifier = properties.number(Property.SubscriptionIdentifier, 0);
      this.at = properties.end;
      properties.release();
    }
    this.firstFilter = this.at;
    return ReasonCode.Success;
  }

  private validateFilter(): number {
    const start = this.at + 2;
    const end = stringEnd(this.bytes, this.at, this.end);
    if (end < 0) return ReasonCode.MalformedPacket;
    this.at = end;
    // v3 [MQTT-4.7.3-1]; in MQTT 5 it is refused by its own reason code.
    if (end === start && this.version !== 5) return ReasonCode.ProtocolError;
    if (this.type === PacketType.Unsubscribe) return ReasonCode.Success;
    if (end === this.end) return ReasonCode.MalformedPacket;
    this.at = end + 1;
    const options = this.bytes[end]!;
    if (this.version !== 5) {
      // v3 [MQTT-3.8.3-4]
      return options > 2 ? ReasonCode.MalformedPacket : ReasonCode.Success;
    }
    // v5 [MQTT-3.8.3-5]
    if (options > 0x3f) return ReasonCode.MalformedPacket;
    if ((options & 0x03) === 0x03 || (options & 0x30) === 0x30) return ReasonCode.ProtocolError;
    // v5 [MQTT-3.8.3-4]
    const isShared = (options & NO_LOCAL) !== 0 && this.isShareFilter(start, end);
    return isShared ? ReasonCode.ProtocolError : ReasonCode.Success;
  }

  private isShareFilter(start: number, end: number): boolean {
    if (end - start < SHARE_PREFIX.length) return false;
    return this.bytes.compare(SHARE_PREFIX, 0, SHARE_PREFIX.length, start, start + SHARE_PREFIX.length) === 0;
  }
}
