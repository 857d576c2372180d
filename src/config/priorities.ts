/** The value of `mqtt.mqueue.priority`: which topics go first. Main thread, at start only. */
import { INVALID, type ValueType } from './value-types.js';

/** A topic name whose messages overtake those of a smaller priority. */
export interface TopicPriority {
  readonly topic: string;
  /** 0 to 255; topics that are not listed have 0. */
  readonly priority: number;
}

function parse(text: string): readonly TopicPriority[] | typeof INVALID {
  if (text === '') return [];
  const list: TopicPriority[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*([^\p{Cc}+#,]+)=(\d{1,3})\s*$/u.exec(part);
    const priority = Number(match?.[2]);
    if (match === null || priority > 255) return INVALID;
    list.push({ topic: match[1]!.trim(), priority });
  }
  return list;
}

/** `topic/1=10,topic/2=8`. */
export function priorities(): ValueType<readonly TopicPriority[]> {
  return {
    name: 'list',
    range: 'topic=0..255, comma between',
    expected: 'topic names with priorities of 0 to 255 such as topic/1=10,topic/2=8',
    parse,
    format: (value) => value.map(({ topic, priority }) => `${topic}=${priority}`).join(','),
  };
}
