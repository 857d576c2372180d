/** The broker's REST API, as commands ask it: signs in, reads answers, says what a refusal means. Main thread. */
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { CLI_ANSWER_BYTES_MAX, CLI_PROBE_TIMEOUT_MS } from '../../limits.js';
import { EXIT } from '../exit-codes.js';
import { CliError, Refusal } from './cli-error.js';
import { displayText } from './display-text.js';
import { HttpClient, readWhole, type Server, TimedOut, TooLong } from './http.js';
import { codeOf, nobodyAt, shown, unreachable } from './unreachable.js';

/** Which broker, and who asks. */
export interface Access extends Server {
  readonly user: string;
  readonly timeoutMs: number;
  /** Of the node that is meant; null: the broker's own. */
  readonly node: string | null;
  /** One is at hand, without asking anybody. */
  readonly hasPassword: boolean;
  /** Asks for it, the first time that it is needed. @throws CliError when there is none */
  readonly password: () => Promise<string>;
}

export type Query = Readonly<Record<string, string | number>>;
export type Body = Readonly<Record<string, unknown>>;

/** What answers at the URL. */
export type Found =
  | { readonly who: 'broker'; readonly says: string }
  | { readonly who: 'another' }
  | { readonly who: 'nobody' };

/** An answer that is no page of rows because it would be too long. */
export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong';
}

export class Api {
  readonly access: Access;
  readonly #http: HttpClient;
  #authorization: string | null = null;
  #node: string | null;

  constructor(access: Access) {
    this.access = access;
    this.#http = new HttpClient(access);
    this.#node = access.node;
  }

  get where(): string {
    return shown(this.access);
  }

  get(path: string, query: Query = {}): Promise<unknown> {
    return this.#call('GET', path + queryText(query), null);
  }

  post(path: string, body: Body): Promise<unknown> {
    return this.#call('POST', path, body);
  }

  put(path: string, body: Body): Promise<unknown> {
    return this.#call('PUT', path, body);
  }

  delete(path: string, body: Body | null = null): Promise<unknown> {
    return this.#call('DELETE', path, body);
  }

  /** Lines of an answer that takes its time, at most `timeoutMs` and as long as any other. */
  async *stream(path: string, query: Query, timeoutMs: number): AsyncGenerator<string> {
    const response = await this.#ask('GET', path + queryText(query), null);
    if (response.headers['content-type'] === 'application/json') {
      await this.#resultOf(response);
      return;
    }
    let failure: Error | null = null;
    response.once('error', (error) => {
      failure = error;
    });
    const timer = setTimeout(() => response.destroy(new TimedOut()), timeoutMs + this.access.timeoutMs);
    try {
      yield* createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
    } finally {
      clearTimeout(timer);
      response.destroy();
    }
    if (failure !== null) throw unreachable(failure, this.access);
  }

  /** @returns its name, encoded for a path */
  async node(): Promise<string> {
    this.#node ??= await this.#ownNode();
    return encodeURIComponent(this.#node);
  }

  /** Who is there; it needs no password. @throws CliError: that cannot be said */
  async probe(): Promise<Found> {
    const timeoutMs = Math.min(this.access.timeoutMs, CLI_PROBE_TIMEOUT_MS);
    const request = { method: 'GET', path: '/status', headers: {}, body: null, timeoutMs };
    try {
      const response = await this.#http.ask(request);
      const text = await readWhole(response, timeoutMs, CLI_ANSWER_BYTES_MAX);
      const isBroker = response.statusCode === 200 && /^Node \S+ is /.test(text);
      return isBroker ? { who: 'broker', says: text.trim() } : { who: 'another' };
    } catch (error) {
      if (codeOf(error) === 'ECONNREFUSED') return { who: 'nobody' };
      throw unreachable(error, this.access);
    }
  }

  async #ownNode(): Promise<string> {
    const nodes = await this.get('management/nodes');
    const [first] = Array.isArray(nodes) ? (nodes as unknown[]) : [];
    if (typeof first === 'object' && first !== null && 'name' in first) return String(first.name);
    throw this.notShardmq();
  }

  async #call(method: string, path: string, body: Body | null): Promise<unknown> {
    return this.#resultOf(await this.#ask(method, path, body));
  }

  async #ask(method: string, path: string, body: Body | null): Promise<IncomingMessage> {
    const { user, timeoutMs, hasPassword, password } = this.access;
    if (this.#authorization === null) {
      // Nobody is asked for a password that nobody is there to take.
      if (!hasPassword && (await this.probe()).who === 'nobody') throw nobodyAt(this.access);
      this.#authorization = `Basic ${Buffer.from(`${user}:${await password()}`).toString('base64')}`;
    }
    const text = body === null ? null : JSON.stringify(body);
    const type: Record<string, string> = text === null ? {} : { 'Content-Type': 'application/json' };
    const headers = { Authorization: this.#authorization, ...type };
    let response: IncomingMessage;
    try {
      response = await this.#http.ask({ method, path: `/api/v2/${path}`, headers, body: text, timeoutMs });
    } catch (error) {
      throw unreachable(error, this.access);
    }
    if (response.statusCode === 200) return response;
    response.resume();
    throw this.#httpError(response.statusCode ?? 0, `${method} ${path.split('?', 1)[0]}`);
  }

  #httpError(status: number, what: string): CliError {
    const { user } = this.access;
    if (status === 401) {
      const name = displayText(user);
      return new CliError(
        `${this.where} does not let ${name} in: wrong password, or no such user; --user NAME is another one`,
        EXIT.login,
      );
    }
    if (status === 403) {
      return new CliError(
        `${this.where} takes the password that everybody knows only where it is asked by an address or as localhost`,
        EXIT.login,
      );
    }
    if (status === 404)
      return new CliError(`${this.where} does not know ${displayText(what)}; is it an older version?`);
    if (status === 413) return new CliError('that is more than the broker takes in one request');
    return new CliError(`${this.where} answers with HTTP ${status}, which is not what shardmq would say`);
  }

  /** @throws Refusal */
  async #resultOf(response: IncomingMessage): Promise<unknown> {
    let text: string;
    try {
      text = await readWhole(response, this.access.timeoutMs, CLI_ANSWER_BYTES_MAX);
    } catch (error) {
      throw error instanceof TooLong ? new AnswerTooLong() : unreachable(error, this.access);
    }
    const answer = parsed(text);
    if (typeof answer !== 'object' || answer === null || !('code' in answer)) throw this.notShardmq();
    if (answer.code === 0) return 'result' in answer ? answer.result : [];
    const message = 'message' in answer ? displayText(answer.message) : '';
    throw new Refusal(Number(answer.code), message);
  }

  notShardmq(): CliError {
    const message = `${this.where} answers, but is not the API of shardmq; --url URL names another address`;
    return new CliError(message, EXIT.unreachable);
  }
}

function queryText(query: Query): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
