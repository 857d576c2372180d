/**
 * What a shard counts: few primitives on the hot path, from which all of EMQ's metrics are put together when somebody
 * asks. They lie in shared memory: the shard writes, main reads, whenever it likes and also when the shard is busy or
 * has died. Doubles on 8-byte borders are stored and loaded whole, so nobody has to wait for anybody. Any thread.
 */
import { PacketType } from '../protocol/mqtt/packet-type.js';
import { METRICS, type MetricName } from './names.js';

const PACKET_TYPES = 16;
const QOS_LEVELS = 3;

// Places in `single`.
const BYTES_RECEIVED = 0;
const BYTES_SENT = 1;
const QOS2_DROPPED = 2;
const DROPPED = 3;
const QUEUE_DROPPED = 4;
const SLOW_DROPPED = 5;
const OVERSIZE_DROPPED = 6;
const FORWARDED_IN = 7;
const COMMITS = 8;
const COMMIT_BYTES = 9;
const DELIVERIES_IN = 10;
const SINGLES = 11;

const NUMBERS = 3 * PACKET_TYPES + 2 * QOS_LEVELS + SINGLES;

export class Counters {
  /** By packet type; whole packets parsed, before any check. */
  readonly received: Float64Array;
  /** By packet type; PUBLISH is counted in `sentQos`. */
  readonly sent: Float64Array;
  /** Acknowledgements for packet identifiers that are not in use, by packet type. */
  readonly missed: Float64Array;
  /** PUBLISH received, by QoS. */
  readonly receivedQos: Float64Array;
  /** PUBLISH sent, by QoS; those to `$SYS/` topics not counted. */
  readonly sentQos: Float64Array;
  private readonly single: Float64Array;
  private readonly all: Float64Array;

  /** @param buffer of the one who counts; without one, all begins at 0 */
  constructor(readonly buffer = new SharedArrayBuffer(NUMBERS * Float64Array.BYTES_PER_ELEMENT)) {
    let at = 0;
    const next = (length: number): Float64Array => {
      const numbers = new Float64Array(buffer, at, length);
      at += numbers.byteLength;
      return numbers;
    };
    this.received = next(PACKET_TYPES);
    this.sent = next(PACKET_TYPES);
    this.missed = next(PACKET_TYPES);
    this.receivedQos = next(QOS_LEVELS);
    this.sentQos = next(QOS_LEVELS);
    this.single = next(SINGLES);
    this.all = new Float64Array(buffer);
  }

  get bytesReceived(): number {
    return this.single[BYTES_RECEIVED]!;
  }
  set bytesReceived(count: number) {
    this.single[BYTES_RECEIVED] = count;
  }

  /** Handed to links. */
  get bytesSent(): number {
    return this.single[BYTES_SENT]!;
  }
  set bytesSent(count: number) {
    this.single[BYTES_SENT] = count;
  }

  get qos2Dropped(): number {
    return this.single[QOS2_DROPPED]!;
  }
  set qos2Dropped(count: number) {
    this.single[QOS2_DROPPED] = count;
  }

  /** Messages that nobody wanted. */
  get dropped(): number {
    return this.single[DROPPED]!;
  }
  set dropped(count: number) {
    this.single[DROPPED] = count;
  }

  /** Messages lost because a session's queue was full. */
  get queueDropped(): number {
    return this.single[QUEUE_DROPPED]!;
  }
  set queueDropped(count: number) {
    this.single[QUEUE_DROPPED] = count;
  }

  /** QoS 0 copies not sent because their reader was too slow. */
  get slowDropped(): number {
    return this.single[SLOW_DROPPED]!;
  }
  set slowDropped(count: number) {
    this.single[SLOW_DROPPED] = count;
  }

  /** Messages discarded because the client's Maximum Packet Size is smaller. */
  get oversizeDropped(): number {
    return this.single[OVERSIZE_DROPPED]!;
  }
  set oversizeDropped(count: number) {
    this.single[OVERSIZE_DROPPED] = count;
  }

  /** Messages that came from other shards. */
  get forwardedIn(): number {
    return this.single[FORWARDED_IN]!;
  }
  set forwardedIn(count: number) {
    this.single[FORWARDED_IN] = count;
  }

  /** Copies of them for clients of this shard. */
  get forwardedDeliveries(): number {
    return this.single[DELIVERIES_IN]!;
  }
  set forwardedDeliveries(count: number) {
    this.single[DELIVERIES_IN] = count;
  }

  /** Transactions that have been handed to the store; attempts at the same one count once. */
  get commits(): number {
    return this.single[COMMITS]!;
  }
  set commits(count: number) {
    this.single[COMMITS] = count;
  }

  /** Bytes of their rows, keys included. */
  get commitBytes(): number {
    return this.single[COMMIT_BYTES]!;
  }
  set commitBytes(count: number) {
    this.single[COMMIT_BYTES] = count;
  }

  /** Counts what another has counted. */
  add(other: Counters): void {
    const { all } = this;
    for (let i = 0; i < all.length; i++) all[i]! += other.all[i]!;
  }

  /** @returns EMQ's metrics in the order of METRICS; `messages/retained`, which is no counter, is 0. */
  metrics(): Float64Array {
    const values = this.byName();
    return Float64Array.from(METRICS, (name) => values[name]);
  }

  private byName(): Record<MetricName, number> {
    const { received, sent, receivedQos, sentQos, missed } = this;
    const publishReceived = received[PacketType.Publish]!;
    const publishSent = sum(sentQos);
    return {
      'bytes/received': this.bytesReceived,
      'bytes/sent': this.bytesSent,
      'packets/received': sum(received),
      'packets/sent': sum(sent) + publishSent,
      'packets/connect': received[PacketType.Connect]!,
      'packets/connack': sent[PacketType.Connack]!,
      'packets/publish/received': publishReceived,
      'packets/publish/sent': publishSent,
      'packets/puback/received': received[PacketType.Puback]!,
      'packets/puback/sent': sent[PacketType.Puback]!,
      'packets/puback/missed': missed[PacketType.Puback]!,
      'packets/pubrec/received': received[PacketType.Pubrec]!,
      'packets/pubrec/sent': sent[PacketType.Pubrec]!,
      'packets/pubrec/missed': missed[PacketType.Pubrec]!,
      'packets/pubrel/received': received[PacketType.Pubrel]!,
      'packets/pubrel/sent': sent[PacketType.Pubrel]!,
      'packets/pubrel/missed': missed[PacketType.Pubrel]!,
      'packets/pubcomp/received': received[PacketType.Pubcomp]!,
      'packets/pubcomp/sent': sent[PacketType.Pubcomp]!,
      'packets/pubcomp/missed': missed[PacketType.Pubcomp]!,
      'packets/subscribe': received[PacketType.Subscribe]!,
      'packets/suback': sent[PacketType.Suback]!,
      'packets/unsubscribe': received[PacketType.Unsubscribe]!,
      'packets/unsuback': sent[PacketType.Unsuback]!,
      'packets/pingreq': received[PacketType.Pingreq]!,
      'packets/pingresp': sent[PacketType.Pingresp]!,
      'packets/disconnect': received[PacketType.Disconnect]!,
      'messages/received': publishReceived,
      'messages/sent': publishSent,
      'messages/qos0/received': receivedQos[0]!,
      'messages/qos0/sent': sentQos[0]!,
      'messages/qos1/received': receivedQos[1]!,
      'messages/qos1/sent': sentQos[1]!,
      'messages/qos2/received': receivedQos[2]!,
      'messages/qos2/sent': sentQos[2]!,
      'messages/qos2/dropped': this.qos2Dropped,
      'messages/dropped': this.dropped,
      'messages/retained': 0,
    };
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
