/** Switches retained messages on in its shard. Runs on the shard's thread. */
import type { CreateShardPart } from '../api.js';

const createShardPart: CreateShardPart = ({ values, shards }) => ({
  retained: {
    // The limit is the node's; topics spread evenly over its shards.
    messagesMax: Math.ceil(Number(values.get('retainer.max_message_num')) / shards),
    payloadBytesMax: Number(values.get('retainer.max_payload_size')),
    bytesMax: Math.ceil(Number(values.get('retainer.max_total_size')) / shards),
    expiryMs: Number(values.get('retainer.expiry_interval')),
  },
});

export default createShardPart;
