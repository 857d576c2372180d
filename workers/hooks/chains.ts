/**
 * The points at which plugins are asked: what is passed on, which answers there are, and what a failure means. Runs on
 * the shard's thread.
 */
import type {
  AccessAnswer,
  AccessRequest,
  ClientInfo,
  ConnectAttempt,
  HookMessage,
  SubscribeFilter,
} from '../../src/plugins/api.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { isQos } from '../../src/protocol/publish-request.js';
import { Chain } from './chain.js';
import type { AuthVerdict, HookFunction } from './hooks.js';

/** Nobody has looked at the password, so it is not said to be wrong. */
const UNAVAILABLE: AuthVerdict = {
  isAllowed: false,
  isSuperuser: false,
  reason: ReasonCode.ServerUnavailable,
};
const ALLOWED: AuthVerdict = { isAllowed: true, isSuperuser: false, reason: ReasonCode.Success };
const SUPERUSER: AuthVerdict = { isAllowed: true, isSuperuser: true, reason: ReasonCode.Success };

/** Those that CONNACK may have, of 0x80 and above (v5 table 3-1). */
const REFUSALS: ReadonlySet<number> = new Set([
  0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
  0x9c, 0x9d, 0x9f,
]);

export class AuthenticateChain extends Chain<
  HookFunction<'client.authenticate'>,
  ConnectAttempt,
  AuthVerdict | 'ignore'
> {
  protected ask(call: HookFunction<'client.authenticate'>, attempt: ConnectAttempt): unknown {
    return call(attempt);
  }

  protected take(_answer: unknown, given: unknown): AuthVerdict | 'ignore' | undefined {
    if (given === 'ignore') return 'ignore';
    if (!isObject(given)) return undefined;
    if (given['allow'] === true) return given['superuser'] === true ? SUPERUSER : ALLOWED;
    if (given['allow'] !== false) return undefined;
    const reason = given['reason'] ?? ReasonCode.BadUserNameOrPassword;
    if (!REFUSALS.has(reason as number)) return undefined;
    return { isAllowed: false, isSuperuser: false, reason: reason as ReasonCode };
  }

  protected failed(): AuthVerdict {
    return UNAVAILABLE;
  }

  protected isFinal(answer: AuthVerdict | 'ignore'): boolean {
    return answer !== 'ignore';
  }
}

/** `failed`: denied, for a plugin threw, hung or answered nonsense; it may answer when it is asked again. */
export type AccessVerdict = AccessAnswer | 'failed';

export class AuthorizeChain extends Chain<HookFunction<'client.authorize'>, AccessRequest, AccessVerdict> {
  protected ask(call: HookFunction<'client.authorize'>, request: AccessRequest): unknown {
    return call(request);
  }

  protected take(_answer: unknown, given: unknown): AccessVerdict | undefined {
    return given === 'allow' || given === 'deny' || given === 'ignore' ? given : undefined;
  }

  protected failed(): AccessVerdict {
    return 'failed';
  }

  protected isFinal(answer: AccessVerdict): boolean {
    return answer !== 'ignore';
  }
}

/** Null: refused by a handler; those after it are not told of that filter's refusal but by the null in its place. */
export type FiltersAnswer = readonly (SubscribeFilter | null)[];

export class SubscribeChain extends Chain<HookFunction<'client.subscribe'>, ClientInfo, FiltersAnswer> {
  protected ask(call: HookFunction<'client.subscribe'>, client: ClientInfo, answer: FiltersAnswer): unknown {
    return call(client, left(answer));
  }

  // What was refused before is not asked about again, and keeps its place.
  protected take(answer: FiltersAnswer, given: unknown): FiltersAnswer | undefined {
    if (given === undefined) return answer;
    if (!isListOf(given, left(answer).length, isFilterOrNull)) return undefined;
    let at = 0;
    return answer.map((each) => (each === null ? null : given[at++]!));
  }

  protected failed(answer: FiltersAnswer): FiltersAnswer {
    return answer;
  }

  protected isFinal(answer: FiltersAnswer): boolean {
    return answer.every((each) => each === null);
  }
}

export class UnsubscribeChain extends Chain<
  HookFunction<'client.unsubscribe'>,
  ClientInfo,
  readonly string[]
> {
  protected ask(
    call: HookFunction<'client.unsubscribe'>,
    client: ClientInfo,
    answer: readonly string[],
  ): unknown {
    return call(client, answer);
  }

  protected take(answer: readonly string[], given: unknown): readonly string[] | undefined {
    if (given === undefined) return answer;
    return isListOf(given, answer.length, isString) ? given : undefined;
  }

  protected failed(answer: readonly string[]): readonly string[] {
    return answer;
  }

  protected isFinal(): boolean {
    return false;
  }
}

export class PublishChain extends Chain<HookFunction<'message.publish'>, null, HookMessage | null> {
  protected ask(call: HookFunction<'message.publish'>, _input: null, message: HookMessage | null): unknown {
    return call(message!);
  }

  protected take(message: HookMessage | null, given: unknown): HookMessage | null | undefined {
    if (given === undefined || given === null) return given === null ? null : message;
    if (!isMessage(given)) return undefined;
    const { topic, payload, qos, retain } = given;
    return { topic, payload, qos, retain, clientId: message!.clientId, username: message!.username };
  }

  protected failed(message: HookMessage | null): HookMessage | null {
    return message;
  }

  protected isFinal(message: HookMessage | null): boolean {
    return message === null;
  }
}

function left(answer: FiltersAnswer): readonly SubscribeFilter[] {
  return answer.filter((each) => each !== null);
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null;
}

function isListOf<T>(
  given: unknown,
  length: number,
  isOne: (each: unknown) => each is T,
): given is readonly T[] {
  // `every` alone passes over what was never filled in.
  return Array.isArray(given) && given.length === length && [...given].every((each) => isOne(each));
}

function isString(given: unknown): given is string {
  return typeof given === 'string';
}

function isFilterOrNull(given: unknown): given is SubscribeFilter | null {
  return given === null || (isObject(given) && typeof given['filter'] === 'string' && isQos(given['qos']));
}

function isMessage(given: unknown): given is HookMessage {
  return (
    isObject(given) &&
    typeof given['topic'] === 'string' &&
    given['payload'] instanceof Uint8Array &&
    isQos(given['qos']) &&
    typeof given['retain'] === 'boolean'
  );
}
