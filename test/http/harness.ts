import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { createLogger, type Logger } from '../../src/base/index.ts';
import { type ApiServer, createServer } from '../../src/server/index.ts';
import { fakeBackends, type Fakes } from './fakes.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: () => unknown;
}

export interface Ask {
  readonly headers?: Record<string, string>;
  /** Sent as it is when it is text, else as JSON. */
  readonly body?: unknown;
}

export interface Harness {
  readonly server: ApiServer;
  readonly socketPath: string;
  readonly fakes: Fakes;
  readonly logLines: string[];
  readonly ask: (method: string, path: string, ask?: Ask) => Promise<Answer>;
  /** A connection of the test's own, to speak HTTP by hand. */
  readonly dial: () => Promise<RawConnection>;
}

/** A server on a socket of its own that is gone after the test. */
export async function startServer(t: TestContext, own: Parameters<typeof fakeBackends>[0] = {}): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-http-'));
  const socketPath = join(directory, 'api.sock');
  const fakes = fakeBackends(own);
  const logLines: string[] = [];
  const logger: Logger = createLogger('debug', (line) => logLines.push(line));
  const server = createServer({ backends: fakes, info: { version: '9.8.7' }, logger });
  await server.listen({ kind: 'unix', path: socketPath });
  const connections: RawConnection[] = [];
  t.after(async () => {
    for (const connection of connections) connection.socket.destroy();
    await server.close({ drainMs: 0 });
    rmSync(directory, { recursive: true });
  });
  return {
    server,
    socketPath,
    fakes,
    logLines,
    ask: (method, path, options) => ask(socketPath, method, path, options),
    dial: async () => {
      const connection = await RawConnection.open(socketPath);
      connections.push(connection);
      return connection;
    },
  };
}

function ask(socketPath: string, method: string, path: string, { headers = {}, body }: Ask = {}): Promise<Answer> {
  const isText = typeof body === 'string';
  const payload = body === undefined ? '' : isText ? body : JSON.stringify(body);
  const type: Record<string, string> = body === undefined || isText ? {} : { 'Content-Type': 'application/json' };
  const length = payload === '' ? {} : { 'Content-Length': String(Buffer.byteLength(payload)) };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: { ...type, ...length, ...headers } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text, json: () => JSON.parse(text) as unknown });
      });
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

/** Collects what the server sends and lets tests wait for it. */
export class RawConnection {
  readonly socket: Socket;
  readonly ended = Promise.withResolvers<void>();
  #received = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wakeAll();
    });
    socket.on('end', () => this.#settle());
    socket.on('close', () => this.#settle());
    socket.on('error', () => {});
  }

  static open(path: string): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      const connection = new RawConnection(socket);
      socket.once('connect', () => resolve(connection));
      socket.once('error', reject);
    });
  }

  get received(): Buffer {
    return this.#received;
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Sends a request with a body of known length. */
  post(path: string, { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {}): void {
    const lines = Object.entries({ Host: 'engine', ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
    this.send(`POST ${path} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`);
  }

  /** Resolves with everything received so far as soon as `text` is in it; rejects when the server ends before. */
  async until(text: string): Promise<Buffer> {
    while (!this.#received.includes(text)) {
      const before = this.#received.length;
      const more = new Promise<void>((resolve) => this.#wake.push(resolve));
      await Promise.race([more, this.ended.promise]);
      if (this.#received.length === before && !this.#received.includes(text)) {
        throw new Error(
          `the server ended without sending ${JSON.stringify(text)}: ${this.#received.toString('latin1')}`,
        );
      }
    }
    return this.#received;
  }

  /** What came behind the head of the answer. */
  body(): Buffer {
    return this.#received.subarray(this.#received.indexOf('\r\n\r\n') + 4);
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #settle(): void {
    this.ended.resolve();
    this.#wakeAll();
  }
}
