/**
 * HTTP/1.1 (RFC 9112) over a plain socket, as far as the Engine API needs it: one request at a time on a connection, bodies
 * by length, chunks or end of stream, and upgrades that turn the connection into a raw stream. It stands on `node:net`
 * because a client that lives for milliseconds feels the start-up of a full HTTP stack, and because hijacked streams need
 * half-close and the bytes that follow the header.
 */
import { connect, type Socket } from 'node:net';
import type { Writable } from 'node:stream';

import { GantryError } from '../base/index.ts';
import type { Endpoint } from './endpoint.ts';
import { ChunkedDecoder } from './chunked.ts';
import { SocketReader } from './socketReader.ts';

const mostHeaderBytes = 64 * 1024;

export interface HttpRequest {
  readonly method: string;
  /** Path and query, already encoded. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  /** By lower-case name; a repeated header's last value. */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be read to its end, or the connection closed. */
  readonly body: AsyncIterable<Buffer>;
}

/** A connection that has become the two streams of a process. */
export interface RawStream {
  readonly headers: ReadonlyMap<string, string>;
  readonly output: AsyncIterable<Buffer>;
  /** `end()` closes this half only: the process sees EOF and its output still arrives. */
  readonly input: Writable;
  close(): void;
}

/** Connects; rejects with the socket's own error. */
function connected(endpoint: Endpoint): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const options =
    endpoint.scheme === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port, noDelay: true };
  const socket = connect({ ...options, allowHalfOpen: true });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}

function requestHead(request: HttpRequest): string {
  const lines = [`${request.method} ${request.target} HTTP/1.1`];
  for (const [name, value] of Object.entries(request.headers ?? {})) lines.push(`${name}: ${value}`);
  const { body = '' } = request;
  if (typeof body !== 'string') lines.push('Transfer-Encoding: chunked');
  else if (request.method === 'POST' || request.body !== undefined) {
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function drained(socket: Socket): Promise<void> {
  if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle).off('close', settle);
      resolve();
    };
    socket.on('drain', settle).on('close', settle);
  });
}

const lineEnd = Buffer.from('\r\n');

/** A chunk of the chunked coding, in one piece: to copy it costs less than to write three times. */
function chunkOf(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd]);
}

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

function parseHead(head: string): Head {
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) {
    throw new GantryError(
      'internal',
      `the daemon does not speak HTTP: it answered ${JSON.stringify(first.slice(0, 80))}`,
    );
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}

function cutShort(): GantryError {
  return new GantryError('unavailable', 'the daemon closed the connection in the middle of an answer');
}

async function* exactly(reader: SocketReader, sizeBytes: number): AsyncGenerator<Buffer, void, undefined> {
  for (let left = sizeBytes; left > 0;) {
    const chunk = await reader.read();
    if (chunk === undefined) throw cutShort();
    reader.unread(chunk.subarray(left));
    left -= chunk.length;
    yield left < 0 ? chunk.subarray(0, chunk.length + left) : chunk;
  }
}

async function* chunked(reader: SocketReader): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new ChunkedDecoder();
  while (!decoder.done) {
    const bytes = await reader.read();
    if (bytes === undefined) throw cutShort();
    const { payload, rest } = decoder.push(bytes);
    reader.unread(rest);
    if (payload.length > 0) yield payload;
  }
}

/** One connection to a daemon. */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #reader: SocketReader;
  /** A request's body has not been sent to its end: nothing can follow it. */
  #isMidway = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new SocketReader(socket);
  }

  /** Connects. Rejects with the system's error, whose code says why. */
  static async open(endpoint: Endpoint): Promise<HttpConnection> {
    return new HttpConnection(await connected(endpoint));
  }

  /** Whether another request can be sent on it, after the last answer's body has been read. */
  get usable(): boolean {
    return this.#socket.writable && !this.#socket.readableEnded && !this.#socket.destroyed;
  }

  /** Lets the process end although this connection is open, or not. */
  hold(held: boolean): void {
    if (held) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Closes both halves; whoever still reads gets `reason`, if there is one. */
  close(reason?: Error): void {
    this.#socket.destroy(reason);
  }

  /** Sends and reads the answer's head; a connection on which that fails is closed. */
  async #exchange(request: HttpRequest): Promise<Head> {
    try {
      return await this.#ask(request);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #ask(request: HttpRequest): Promise<Head> {
    const { body = '' } = request;
    this.#socket.write(requestHead(request) + (typeof body === 'string' ? body : ''));
    const head = this.#readHead();
    if (typeof body === 'string') return await head;
    // Who is not waited for any more tells nobody.
    head.catch(() => {});
    let isAnswered = false;
    this.#isMidway = true;
    const sent = this.#sendChunks(body, () => isAnswered);
    // A body that cannot be read ends the request; an answer that comes before the body's end ends the body.
    await Promise.race([head, sent.then(() => head)]);
    isAnswered = true;
    return await head;
  }

  /** Sends chunks until their end, or until nobody asks for more. Rejects only with the source's own error. */
  async #sendChunks(body: AsyncIterable<Uint8Array>, isEnough: () => boolean): Promise<void> {
    for await (const chunk of body) {
      if (isEnough() || !this.#socket.writable) return;
      if (chunk.length === 0) continue;
      if (!this.#socket.write(chunkOf(chunk))) await drained(this.#socket);
    }
    if (!this.#socket.writable) return;
    this.#socket.write('0\r\n\r\n');
    this.#isMidway = false;
  }

  async #readHead(): Promise<Head> {
    for (;;) {
      const head = await this.#reader.readUntil('\r\n\r\n', mostHeaderBytes);
      if (head === undefined)
        throw new GantryError('unavailable', 'the daemon closed the connection without an answer');
      const parsed = parseHead(head);
      // Interim answers (RFC 9110 section 15.2) say nothing that matters here; 101 is the final one of an upgrade.
      if (parsed.status >= 200 || parsed.status === 101) return parsed;
    }
  }

  /** Sends a request and resolves with the answer's head; `onDone` is told whether the connection can be used again. */
  async send(request: HttpRequest, onDone: (reusable: boolean) => void): Promise<HttpResponse> {
    const { status, headers } = await this.#exchange(request);
    const bodiless = request.method === 'HEAD' || status === 204 || status === 304;
    return { status, headers, body: this.#body(headers, bodiless, onDone) };
  }

  async *#body(
    headers: ReadonlyMap<string, string>,
    bodiless: boolean,
    onDone: (reusable: boolean) => void,
  ): AsyncGenerator<Buffer, void, undefined> {
    const length = headers.get('content-length');
    const isChunked = (headers.get('transfer-encoding') ?? '').toLowerCase() === 'chunked';
    let complete = false;
    try {
      if (bodiless) complete = true;
      else if (isChunked) yield* chunked(this.#reader);
      else if (length !== undefined) yield* exactly(this.#reader, Number(length));
      else yield* this.#reader.rest();
      complete = bodiless || isChunked || length !== undefined;
    } finally {
      onDone(complete && !this.#isMidway && headers.get('connection')?.toLowerCase() !== 'close');
    }
  }

  /** Sends a request that asks to take the connection over. Resolves with the raw stream, or the answer that refuses. */
  async upgrade(request: HttpRequest): Promise<{ readonly raw: RawStream } | { readonly refused: HttpResponse }> {
    const { status, headers } = await this.#exchange(request);
    // Daemons that ignore the Upgrade header hijack with a 200 and a raw content type.
    const hijacked =
      status === 101 || (status === 200 && !headers.has('content-length') && !headers.has('transfer-encoding'));
    if (!hijacked) {
      return { refused: { status, headers, body: this.#body(headers, false, () => this.close()) } };
    }
    const raw = { headers, output: this.#reader.rest(), input: this.#socket, close: () => this.close() };
    return { raw };
  }
}
