/** What tests of lists look at, and the clients that they list. */
import type { ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import type { AskApi } from '../helpers/api.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Version } from '../helpers/wire.js';
import { addressOf } from '../helpers/with-broker.js';

export const NODE = 'shardmq@127.0.0.1';
export const LOCAL_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

export type Rows = Record<string, unknown>[];

export interface PageAnswer {
  readonly code: number;
  readonly result: {
    readonly current_page: number;
    readonly page_size: number;
    readonly total_num: number;
    readonly total_page: number;
    readonly objects: Rows;
  };
}

export async function client(
  broker: RunningBroker,
  clientId: string,
  options: Omit<ConnectOptions, 'version' | 'clientId'> = {},
  version: Version = 4,
): Promise<RawClient> {
  const opened = await RawClient.open(addressOf(broker), version);
  await opened.connect({ clientId, ...options });
  return opened;
}

/** @returns the rows of one answer, whatever else it says */
export async function rowsOf(ask: AskApi, what: string): Promise<Rows> {
  const { json } = await ask(`GET ${what}`);
  return (json as PageAnswer).result.objects;
}

/** Every wrong page number or size is 108, and an unknown node 101. */
export async function refusesWrongPages(ask: AskApi, t: ExecutionContext, path: string): Promise<void> {
  const wrong = ['curr_page=0', 'curr_page=-1', 'curr_page=x', 'curr_page=', 'curr_page=1.5'];
  wrong.push('page_size=0', 'page_size=-5', 'page_size=10001', 'page_size=1e3', 'curr_page=1000000001');
  wrong.push('curr_page=1&curr_page=2', 'curr_page=99999999999999999999');
  for (const query of wrong) {
    const { status, text } = await ask(`GET ${path}?${query}`);
    t.is(status, 200);
    t.is(text, '{"code":108,"message":"params type error"}', query);
  }
  const past = await ask(`GET ${path}?curr_page=1000000000&page_size=10000`);
  const { code, result } = past.json as PageAnswer;
  t.is(code, 0);
  t.deepEqual(result.objects, []);
  t.is(result.current_page, 1_000_000_000);
  t.is(result.page_size, 10_000);
}
