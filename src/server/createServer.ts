import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { hasCode, type Logger } from '../base/index.ts';
import type { Backends } from './backends.ts';
import { asksForHijack, type Connection, plainConnection, upgradedConnection } from './connection.ts';
import { createDispatcher, type Exchange } from './dispatch.ts';
import { bind, type ListenTarget } from './listen.ts';
import type { ServerInfo } from './respond.ts';

export interface ServerOptions {
  readonly backends: Backends;
  readonly info: ServerInfo;
  readonly logger: Logger;
}

/** The daemon's API on any number of sockets. */
export interface ApiServer {
  /** Adds a listener; resolves with its address (`unix://PATH`, `tcp://HOST:PORT`). Throws `conflict`, `invalid`. */
  listen(target: ListenTarget): Promise<string>;
  /**
   * Stops listening, ends what would last for ever (events, logs that are followed, waits, attached sessions), gives the
   * other requests `drainMs` to finish and then drops what is left. Idempotent.
   */
  close(options: { readonly drainMs: number }): Promise<void>;
}

/** Bounds the headers of one request: registry credentials travel in them. */
const longestHeaderBytes = 256 * 1024;
const headersTimeoutMs = 60_000;

const httpOptions = {
  // Pulls, builds and attached sessions last as long as they last; Go's clients race a server that closes idle connections.
  requestTimeout: 0,
  keepAliveTimeout: 0,
  headersTimeout: headersTimeoutMs,
  maxHeaderSize: longestHeaderBytes,
  // A client that has no more input still wants output: the closing of its half is told apart from its going.
  allowHalfOpen: true,
  shouldUpgradeCallback: asksForHijack,
};

/** Makes a server that answers with `backends`; it listens nowhere yet. */
export function createServer(options: ServerOptions): ApiServer {
  const dispatch = createDispatcher(options);
  const exchanges = new ExchangeSet();
  const servers = new Set<Server>();
  let closing: Promise<void> | undefined;
  const run = (exchange: Exchange): void => {
    exchanges.add(
      exchange,
      dispatch(exchange).then(() => whenSent(exchange.response)),
    );
  };
  const newServer = (): Server => {
    const server = createHttpServer(httpOptions, (request, response) =>
      run(plainExchange(request, response, exchanges)),
    );
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      run(upgradedExchange(request, socket, head, exchanges));
    });
    server.on('clientError', refuseMalformed);
    return server;
  };
  return {
    listen: async (target) => {
      const server = newServer();
      const address = await bind(server, target);
      servers.add(server);
      return address;
    },
    close: ({ drainMs }) => (closing ??= closeAll(servers, exchanges, drainMs)),
  };
}

/** The requests under way, and how to end those that would not end by themselves. */
class ExchangeSet {
  readonly #running = new Set<Promise<void>>();
  readonly #ends = new Map<Exchange, () => void>();
  readonly #sockets = new Set<Duplex>();
  #ending = false;

  add(exchange: Exchange, work: Promise<void>): void {
    const settled = work.finally(() => {
      this.#running.delete(settled);
      this.#ends.delete(exchange);
    });
    this.#running.add(settled);
  }

  /** Registers how to end an exchange; does so at once when the server is closing. */
  endless(exchange: Exchange, end: () => void): void {
    this.#ends.set(exchange, end);
    if (this.#ending) end();
  }

  /** Keeps a connection that has left HTTP, so that it can be dropped. */
  keep(socket: Duplex): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Ends what lasts and waits for the rest, at most `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    this.#ending = true;
    for (const end of this.#ends.values()) end();
    const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
    const timer = setTimeout(giveUp, drainMs);
    await Promise.race([Promise.allSettled(this.#running), late]);
    clearTimeout(timer);
  }

  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function closeAll(servers: ReadonlySet<Server>, exchanges: ExchangeSet, drainMs: number): Promise<void> {
  const closed = [...servers].map(
    (server) =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  );
  await exchanges.drain(drainMs);
  for (const server of servers) server.closeAllConnections();
  exchanges.drop();
  await Promise.all(closed);
}

function plainExchange(request: IncomingMessage, response: ServerResponse, exchanges: ExchangeSet): Exchange {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return exchangeOf(request, gone, plainConnection(request, response), exchanges);
}

function upgradedExchange(request: IncomingMessage, socket: Duplex, head: Buffer, exchanges: ExchangeSet): Exchange {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  // Errors end in 'close', which is what counts.
  socket.on('error', () => {});
  exchanges.keep(socket);
  return exchangeOf(request, gone, upgradedConnection(request, socket, head), exchanges);
}

function exchangeOf(
  request: IncomingMessage,
  gone: AbortController,
  connection: Connection,
  exchanges: ExchangeSet,
): Exchange {
  const exchange: Exchange = {
    ...connection,
    request,
    gone,
    takeOver: async () => {
      const taken = await connection.takeOver();
      exchanges.keep(taken.socket);
      return taken;
    },
    endless: (end) => exchanges.endless(exchange, end),
  };
  return exchange;
}

/** Resolves when an answer has been handed to the kernel, or never will be. */
function whenSent(response: ServerResponse): Promise<void> {
  const isOver = response.writableFinished || response.destroyed || response.socket === null;
  if (isOver || !response.writableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    response.once('finish', resolve);
    response.once('close', resolve);
  });
}

/** Answers bytes that are no HTTP request. */
function refuseMalformed(error: Error, socket: Duplex): void {
  if (!socket.writable || hasCode(error, 'ECONNRESET')) {
    socket.destroy();
    return;
  }
  const status = hasCode(error, 'HPE_HEADER_OVERFLOW') ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const body = `${JSON.stringify({ message: `malformed HTTP request: ${error.message}` })}\n`;
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  socket.end(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`);
}
