import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

import { GantryError } from '../base/index.ts';
import { cancelled, connectionFailure, RequestFailure } from './failure.ts';

const redirectsMax = 10;
const socketsPerHostMax = 16;
const headersMax = 64 * 1024;
const discardMaxBytes = 64 * 1024;

export interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Accept certificates that nobody vouches for, and redirects to plain HTTP. */
  readonly insecure: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** HTTP with kept connections, redirects and idle time-outs; knows nothing of registries. */
export class Transport {
  readonly #plain = new PlainAgent({ keepAlive: true, maxSockets: socketsPerHostMax });
  readonly #tls = new TlsAgent({ keepAlive: true, maxSockets: socketsPerHostMax });
  readonly #unverified = new TlsAgent({ keepAlive: true, maxSockets: socketsPerHostMax, rejectUnauthorized: false });
  readonly #userAgent: string;
  readonly #idleTimeoutMs: number;

  constructor(userAgent: string, idleTimeoutMs: number) {
    this.#userAgent = userAgent;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /**
   * Sends a request and follows redirects; resolves with the answer's head, whatever its status. Its body must be read or
   * destroyed. Throws RequestFailure when there is none.
   */
  async send(request: HttpRequest): Promise<IncomingMessage> {
    let current = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce(current, request.url);
      const location = redirectTarget(response, current);
      if (location === undefined) return response;
      discard(response);
      if (redirects === redirectsMax) throw refusedRedirect(request.url, `stopped after ${redirectsMax} redirects`);
      current = redirected(current, location, request.url);
    }
  }

  /** `origin` is the registry's URL: a redirect's target may hold a signature, so it never goes into an error. */
  async #sendOnce(request: HttpRequest, origin: URL): Promise<IncomingMessage> {
    throwIfAborted(request.signal);
    try {
      return await this.#exchange(request);
    } catch (error) {
      throwIfAborted(request.signal);
      throw connectionFailure(error, origin, true);
    }
  }

  #exchange(request: HttpRequest): Promise<IncomingMessage> {
    const { url, body } = request;
    const encrypted = url.protocol === 'https:';
    const tlsAgent = request.insecure ? this.#unverified : this.#tls;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = (encrypted ? tlsRequest : plainRequest)(url, {
      method: request.method ?? 'GET',
      agent: encrypted ? tlsAgent : this.#plain,
      headers: { 'User-Agent': this.#userAgent, 'Accept-Encoding': 'identity', ...request.headers },
      maxHeaderSize: headersMax,
      ...(request.signal !== undefined && { signal: request.signal }),
    });
    outgoing.setTimeout(this.#idleTimeoutMs, () => outgoing.destroy(timedOut()));
    outgoing.once('response', (response) => {
      outgoing.setTimeout(0);
      resolve(response);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
    return promise;
  }

  /**
   * The pieces of an answer's body. Throws RequestFailure (transient) when the connection is cut or nothing comes for the
   * idle time; time that the reader takes does not count. Leaving the loop early drops the connection.
   */
  async *read(response: IncomingMessage, origin: URL, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    let readerIsBusy = false;
    const timer = setTimeout(() => {
      if (readerIsBusy) timer.refresh();
      else response.destroy(timedOut());
    }, this.#idleTimeoutMs);
    const pieces: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await nextPiece(pieces, origin, signal);
        if (piece === undefined) return;
        readerIsBusy = true;
        yield piece;
        readerIsBusy = false;
        timer.refresh();
      }
    } finally {
      clearTimeout(timer);
      if (!response.complete) response.destroy();
    }
  }

  /** An answer's body in whole; throws RequestFailure (`invalid`) as soon as it exceeds `limitBytes`. */
  async readAll(
    response: IncomingMessage,
    limitBytes: number,
    origin: URL,
    signal: AbortSignal | undefined,
  ): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of this.read(response, origin, signal)) {
      sizeBytes += piece.length;
      if (sizeBytes > limitBytes)
        throw new RequestFailure(
          new GantryError('invalid', `the answer of ${origin.host} is larger than the limit of ${limitBytes} bytes`),
        );
      pieces.push(piece);
    }
    return Buffer.concat(pieces, sizeBytes);
  }

  close(): void {
    for (const agent of [this.#plain, this.#tls, this.#unverified]) agent.destroy();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled();
}

/** Gives up an answer: keeps the connection when little is left to read. */
export function discard(response: IncomingMessage): void {
  const lengthBytes = Number(response.headers['content-length'] ?? Number.NaN);
  response.on('error', () => {});
  if (lengthBytes <= discardMaxBytes) response.resume();
  else response.destroy();
}

function timedOut(): Error {
  return Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' });
}

async function nextPiece(
  pieces: AsyncIterator<Buffer>,
  origin: URL,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  try {
    const { done, value } = await pieces.next();
    return done === true ? undefined : value;
  } catch (error) {
    throwIfAborted(signal);
    const failure = connectionFailure(error, origin, false);
    throw new RequestFailure(failure.error, { transient: true });
  }
}

function redirectTarget(response: IncomingMessage, request: HttpRequest): URL | undefined {
  const { statusCode = 0, headers } = response;
  // A POST carries a refresh token, which is for its first addressee only.
  if (request.method === 'POST') return undefined;
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined;
  return URL.parse(headers.location, request.url.href) ?? undefined;
}

function refusedRedirect(origin: URL, why: string): RequestFailure {
  return new RequestFailure(new GantryError('unavailable', `Get "${origin.origin}/v2/": ${why}`));
}

/** Credentials stay with the host that they were meant for. */
function redirected(request: HttpRequest, target: URL, origin: URL): HttpRequest {
  if (target.protocol !== 'https:' && target.protocol !== 'http:')
    throw refusedRedirect(origin, `redirected to the unsupported scheme ${JSON.stringify(target.protocol)}`);
  if (target.protocol === 'http:' && request.url.protocol === 'https:' && !request.insecure)
    throw refusedRedirect(origin, 'redirected from https to plain http');
  const sameOrigin = target.origin === request.url.origin;
  const kept = Object.entries(request.headers ?? {}).filter(
    ([name]) => sameOrigin || name.toLowerCase() !== 'authorization',
  );
  target.username = '';
  target.password = '';
  return { ...request, url: target, headers: Object.fromEntries(kept), insecure: request.insecure && sameOrigin };
}
