/** The configured limits that every topic name and topic filter of a client is held to. Runs on the shard's thread. */
import type { Config } from '../../src/config/schema.js';
import type { PublishLimits } from '../../src/protocol/publish-request.js';
import type { TopicLimits } from '../../src/protocol/topic.js';

export function topicLimits(config: Config): TopicLimits {
  return { topicBytesMax: config['mqtt.max_topic_length'], topicLevelsMax: config['mqtt.max_topic_levels'] };
}

/** As above, for messages that a plugin makes. */
export function publishLimits(config: Config): PublishLimits {
  return { ...topicLimits(config), packetBytesMax: config['mqtt.max_packet_size'] };
}
