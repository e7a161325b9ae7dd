import { GantryError } from '../base/index.ts';
import type { Endpoint } from './endpoint.ts';
import { connectError, daemonError } from './errors.ts';
import { HttpConnection, type HttpRequest, type HttpResponse, type RawStream } from './http.ts';

/** The newest version of the Engine API that this client knows. */
export const newestApiVersion = '1.50';
const oldestApiVersion = '1.24';

const mostTextBytes = 64 * 1024 * 1024;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface CallOptions {
  /** Undefined, false and empty values are left out; true is written as 1. */
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, while it is made; a tar archive. */
  readonly archive?: AsyncIterable<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the call and its connection; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ApiOptions {
  readonly userAgent: string;
  /** Speak this version instead of negotiating one. */
  readonly apiVersion?: string;
}

/** What the daemon said when it was first asked. */
export interface PingAnswer {
  readonly apiVersion: string;
  readonly osType: string;
}

/** A name or id as one part of a path: slashes, colons and at signs stay, as image names need them. */
export function pathPart(text: string): string {
  return encodeURIComponent(text).replace(/%(?:2F|3A|40)/g, decodeURIComponent);
}

/** Filters as they go into a query: key to a set of values; undefined when there are none. */
export function encodeFilters(filters: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  if (filters.size === 0) return undefined;
  const sets = [...filters].map(([key, values]) => [
    key,
    Object.fromEntries([...values].map((value) => [value, true])),
  ]);
  return JSON.stringify(Object.fromEntries(sets));
}

function encodeQuery(query: Query): string {
  const pairs = Object.entries(query)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => valuesOf(value).map((each) => `${encodeURIComponent(key)}=${encodeURIComponent(each)}`));
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** What is empty is left out; a list gives the key several times, in its order. */
function valuesOf(value: Query[string]): readonly (string | number)[] {
  if (value === undefined || value === false || value === '') return [];
  if (value === true) return ['1'];
  return typeof value === 'object' ? value : [value];
}

function olderOf(a: string, b: string): string {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA < majorB || (majorA === majorB && minorA < minorB) ? a : b;
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new GantryError('cancelled', 'the call was given up');
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostTextBytes)
      throw new GantryError('internal', 'the daemon answered with more than 64 MiB of JSON');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** JSON whose whole numbers beyond 2^53 become bigints, where the runtime tells what they were. */
function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? 0)
      : value,
  );
}

/** The lines of a stream, without their ends; an unfinished last line counts. */
async function* splitLines(body: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([...parts, chunk.subarray(from, end)]).toString();
      parts = [];
      sizeBytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    sizeBytes += chunk.length - from;
    if (sizeBytes > mostTextBytes) throw new GantryError('internal', 'the daemon sent a line of more than 64 MiB');
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString();
}

/**
 * A daemon, as one client sees it. Calls may run at the same time: each has a connection of its own, and a connection that is
 * free is used again. The version is negotiated once, before the first call. Every call throws DaemonError for an answer
 * that says so, and GantryError when the daemon cannot be reached.
 */
export class Api {
  readonly endpoint: Endpoint;
  readonly #options: ApiOptions;
  readonly #idle: HttpConnection[] = [];
  #ping: Promise<PingAnswer> | undefined;

  constructor(endpoint: Endpoint, options: ApiOptions) {
    this.endpoint = endpoint;
    this.#options = options;
  }

  /** Asks the daemon who it is, once. */
  ping(): Promise<PingAnswer> {
    this.#ping ??= this.#askVersion();
    return this.#ping;
  }

  async #askVersion(): Promise<PingAnswer> {
    const response = await this.#send({ method: 'HEAD', target: '/_ping', headers: this.#headers({}) }, undefined);
    await readText(response.body);
    const offered = response.headers.get('api-version') ?? oldestApiVersion;
    return {
      apiVersion: this.#options.apiVersion ?? olderOf(offered, newestApiVersion),
      osType: response.headers.get('ostype') ?? '',
    };
  }

  #headers(own: Readonly<Record<string, string>>): Record<string, string> {
    const host = this.endpoint.scheme === 'unix' ? 'localhost' : this.endpoint.host;
    return { Host: host, 'User-Agent': this.#options.userAgent, ...own };
  }

  async #connection(): Promise<HttpConnection> {
    for (let free = this.#idle.pop(); free !== undefined; free = this.#idle.pop()) {
      if (free.usable) {
        free.hold(true);
        return free;
      }
    }
    try {
      return await HttpConnection.open(this.endpoint);
    } catch (error) {
      throw connectError(this.endpoint, error);
    }
  }

  #release(connection: HttpConnection, reusable: boolean): void {
    if (!reusable) return connection.close();
    connection.hold(false);
    this.#idle.push(connection);
  }

  async #send(request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const connection = await this.#connection();
    const abort = (): void => connection.close(reasonOf(signal));
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort);
    return connection.send(request, (reusable) => {
      signal?.removeEventListener('abort', abort);
      this.#release(connection, reusable);
    });
  }

  async #request(method: string, path: string, options: CallOptions): Promise<HttpRequest> {
    const { apiVersion } = await this.ping();
    const body = options.archive ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const mediaType = options.archive === undefined ? 'application/json' : 'application/x-tar';
    const type: Record<string, string> = body === undefined ? {} : { 'Content-Type': mediaType };
    return {
      method,
      target: `/v${apiVersion}${path}${encodeQuery(options.query ?? {})}`,
      headers: this.#headers({ ...type, ...options.headers }),
      ...(body === undefined ? {} : { body }),
    };
  }

  async #call(method: string, path: string, options: CallOptions): Promise<HttpResponse> {
    const response = await this.#send(await this.#request(method, path, options), options.signal);
    if (response.status < 400) return response;
    throw daemonError(response.status, await readText(response.body));
  }

  /** Calls and reads the answer as text. */
  async text(method: string, path: string, options: CallOptions = {}): Promise<string> {
    return readText((await this.#call(method, path, options)).body);
  }

  /** Calls and reads the answer as JSON. The type is the caller's knowledge of the API. */
  async json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const text = await this.text(method, path, options);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new GantryError('internal', `the daemon's answer to ${method} ${path} is not JSON`, { cause });
    }
  }

  /** Calls for the effect; resolves with the status. */
  async run(method: string, path: string, options: CallOptions = {}): Promise<number> {
    const response = await this.#call(method, path, options);
    await readText(response.body);
    return response.status;
  }

  /** Calls and resolves when the answer's head has arrived; `value` is the JSON that follows, perhaps much later. */
  async promised<T>(method: string, path: string, options: CallOptions = {}): Promise<{ readonly value: Promise<T> }> {
    const response = await this.#call(method, path, options);
    const value = readText(response.body).then((text) => JSON.parse(text) as T);
    // Whoever awaits it hears of a failure; nobody has to.
    value.catch(() => {});
    return { value };
  }

  /** Calls and resolves with the answer's headers, by lower-case name, and its body as it comes. */
  async answer(method: string, path: string, options: CallOptions = {}): Promise<Omit<HttpResponse, 'status'>> {
    return await this.#call(method, path, options);
  }

  /** Calls and resolves with the answer's body as it comes. */
  async bytes(method: string, path: string, options: CallOptions = {}): Promise<AsyncIterable<Buffer>> {
    return (await this.#call(method, path, options)).body;
  }

  /** Calls and resolves with the answer's JSON values, one a line, as they come. */
  async lines<T>(method: string, path: string, options: CallOptions = {}): Promise<AsyncIterable<T>> {
    const { body } = await this.#call(method, path, options);
    return (async function* parse() {
      for await (const line of splitLines(body)) {
        if (line.trim() !== '') yield parseExactly(line) as T;
      }
    })();
  }

  /** Calls and takes the connection over. */
  async hijack(method: string, path: string, options: CallOptions = {}): Promise<RawStream> {
    const request = await this.#request(method, path, {
      ...options,
      headers: { Connection: 'Upgrade', Upgrade: 'tcp', ...options.headers },
    });
    const connection = await this.#connection();
    options.signal?.addEventListener('abort', () => connection.close(reasonOf(options.signal)));
    const answer = await connection.upgrade(request);
    if ('raw' in answer) return answer.raw;
    const text = await readText(answer.refused.body);
    throw daemonError(answer.refused.status, text);
  }

  /** Closes the connections that are free. */
  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }
}
