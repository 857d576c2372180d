/**
 * The names under which a client's mistakes are counted and logged, EMQ's where it has one. On the shard's
 * thread.
 */
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';

/** @returns the name under which a protocol error is counted. */
export function endReasonOf(reason: ReasonCode): string {
  switch (reason) {
    case ReasonCode.PacketTooLarge:
      return 'invalid_mqtt_frame_len';
    case ReasonCode.MalformedPacket:
      return 'parser_error';
    case ReasonCode.TopicNameInvalid:
      return 'badtopic';
    case ReasonCode.ReceiveMaximumExceeded:
      return 'receive_maximum_exceeded';
    case ReasonCode.TopicAliasInvalid:
      return 'topic_alias_invalid';
    case ReasonCode.QuotaExceeded:
      return 'quota_exceeded';
    default:
      return 'protocol_error';
  }
}
