/**
 * What a shard counts: few primitives on the hot path, from which all of EMQ's metrics are put together when somebody
 * asks. Runs on the shard's thread.
 */
import { METRICS, type MetricName } from '../src/metrics/names.js';
import { PacketType } from '../src/protocol/mqtt/packet-type.js';

const PACKET_TYPES = 16;

export class Counters {
  /** By packet type; whole packets parsed, before any check. */
  readonly received = new Float64Array(PACKET_TYPES);
  /** By packet type; PUBLISH is counted in `sentQos`. */
  readonly sent = new Float64Array(PACKET_TYPES);
  /** PUBLISH received, by QoS. */
  readonly receivedQos = new Float64Array(3);
  /** PUBLISH sent, by QoS; those to `$SYS/` topics not counted. */
  readonly sentQos = new Float64Array(3);
  /** Acknowledgements for packet identifiers that are not in use, by packet type. */
  readonly missed = new Float64Array(PACKET_TYPES);
  bytesReceived = 0;
  qos2Dropped = 0;
  /** Messages that nobody wanted. */
  dropped = 0;
  /** Messages lost because a session's queue was full. */
  queueDropped = 0;
  /** QoS 0 copies not sent because their reader was too slow. */
  slowDropped = 0;
  /** Messages discarded because the client's Maximum Packet Size is smaller. */
  oversizeDropped = 0;
  /** Messages that came from other shards. */
  forwardedIn = 0;

  /** @returns EMQ's metrics in the order of METRICS. */
  metrics(bytesSent: number, retained: number): Float64Array {
    const values = this.byName(bytesSent, retained);
    return Float64Array.from(METRICS, (name) => values[name]);
  }

  private byName(bytesSent: number, retained: number): Record<MetricName, number> {
    const { received, sent, receivedQos, sentQos, missed } = this;
    const publishReceived = received[PacketType.Publish]!;
    const publishSent = sum(sentQos);
    return {
      'bytes/received': this.bytesReceived,
      'bytes/sent': bytesSent,
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
      'messages/retained': retained,
    };
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
