/**
 * Every numbered statement of MQTT 3.1.1 and 5.0 that binds a server, with what this broker decided where the
 * specifications leave a choice. Test data, no thread of its own.
 */
import { STATEMENTS_V3 } from './statements.v3.js';
import { STATEMENTS_V5 } from './statements.v5.js';

/** A number means nothing without its version: the specifications reuse them. */
export interface Statement {
  readonly version: 3 | 5;
  /** As in the specification, `MQTT-3.1.0-1`. */
  readonly id: string;
  /** S binds the server, SC both ends: the broker obeys it or notices a client that does not. */
  readonly binds: 'S' | 'SC';
  readonly rule: string;
  /** What the broker does where the specification leaves a choice. */
  readonly note?: string;
  /** Why there is no test yet. Without it a statement has to have one. */
  readonly later?: string;
}

const LATER: Readonly<Record<string, string>> = {
  'v3 7.0.0-1': 'there are no bridges',
};

const AT_PUBLISH = 'a message is routed when its PUBLISH arrives; its identifier is kept until PUBREL';
const ONE_COPY = 'one copy per client, at the highest QoS, with all subscription identifiers';
const NO_METHOD = 'no authentication method is built in: every one is refused with 0x8C, no AUTH is sent';
const QOS_2 = 'QoS 2 is always available, so no lower maximum is announced';
const RETAIN = 'retain is available as long as the plugin emq_retainer runs';
const TOPIC_NAME_V5 = 'DISCONNECT 0x90, then close';
const FILTER_V3 = 'ill-formed UTF-8 closes; a filter that breaks the topic rules gets 0x80 in SUBACK';
const FILTER_V5 = 'ill-formed UTF-8 is 0x81; a filter that breaks the topic rules gets 0x8F in SUBACK';

const NOTES: Readonly<Record<string, string>> = {
  'v3 3.1.2-2': 'MQIsdp 3, MQTT 4 and MQTT 5 are served',
  'v3 3.1.2-8': 'a takeover publishes the will as well',
  'v3 3.1.0-2': 'closed',
  'v3 3.1.3-5': 'longer ones and other characters too, up to mqtt.max_clientid_len bytes',
  'v3 3.3.1-7': 'the new message is stored, with QoS 0',
  'v3 3.3.2-2': 'closed',
  'v3 3.3.5-1': ONE_COPY,
  'v3 3.8.3-1': FILTER_V3,
  'v3 4.3.3-2': AT_PUBLISH,
  'v3 4.7.1-1': 'closed',
  'v3 4.7.1-2': FILTER_V3,
  'v3 4.7.1-3': FILTER_V3,
  'v3 4.7.3-1': 'an empty topic name and an empty filter close the connection',
  'v3 4.8.0-2': 'also a client that exceeds mqtt.session.max_awaiting_rel',
  'v5 2.2.1-3': 'identifier 0 is a protocol error; a repeated QoS 2 identifier is a repeat of its PUBLISH',
  'v5 3.1.0-2': 'DISCONNECT 0x82, then close',
  'v5 3.1.2-2': 'CONNACK 0x84 for levels above 5, CONNACK 0x01 for those below',
  'v5 3.1.2-8': 'a takeover publishes the will unless the same session goes on before the delay is over',
  'v5 3.1.3-8': 'CONNACK 0x85 for one above mqtt.max_clientid_len bytes',
  'v5 3.2.2-9': QOS_2,
  'v5 3.2.2-10': QOS_2,
  'v5 3.2.2-11': QOS_2,
  'v5 3.2.2-12': QOS_2,
  'v5 3.2.2-13': RETAIN,
  'v5 3.2.2-14': RETAIN,
  'v5 3.3.2-2': TOPIC_NAME_V5,
  'v5 3.3.4-2': ONE_COPY,
  'v5 3.3.4-4': ONE_COPY,
  'v5 3.3.4-5': ONE_COPY,
  'v5 3.8.3-1': FILTER_V5,
  'v5 3.15.2-1': NO_METHOD,
  'v5 3.15.2-2': NO_METHOD,
  'v5 3.15.2-3': NO_METHOD,
  'v5 4.3.3-10': AT_PUBLISH,
  'v5 4.7.0-1': TOPIC_NAME_V5,
  'v5 4.7.1-1': FILTER_V5,
  'v5 4.7.1-2': FILTER_V5,
  'v5 4.7.3-1': 'topic name: DISCONNECT 0x90; filter: 0x8F in SUBACK; no name and no alias: 0x82',
  'v5 4.12.0-1': 'CONNACK 0x8C, then close',
  'v5 4.12.0-2': NO_METHOD,
  'v5 4.12.0-4': NO_METHOD,
  'v5 4.12.0-5': NO_METHOD,
  'v5 4.12.1-1': NO_METHOD,
  'v5 4.12.1-2': NO_METHOD,
};

/** All of them, 3.1.1 first, in the order of the specifications. */
export const STATEMENTS: readonly Statement[] = [...parse(3, STATEMENTS_V3), ...parse(5, STATEMENTS_V5)];

function parse(version: 3 | 5, table: string): Statement[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [, number, binds, rule] = /^(\S+) (SC?) (.+)$/.exec(line) ?? [];
      if (number === undefined || rule === undefined) throw new Error(`not a statement: ${line}`);
      const key = `v${version} ${number}`;
      return {
        version,
        id: `MQTT-${number}`,
        binds: binds === 'S' ? 'S' : 'SC',
        rule,
        ...(NOTES[key] === undefined ? {} : { note: NOTES[key] }),
        ...(LATER[key] === undefined ? {} : { later: LATER[key] }),
      };
    });
}
