/** From a request to a handler and from its reply to the wire: the one way that every request takes. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { declinedRoutes, type ServedRouteName, servedRoutes } from '../api/index.ts';
import { GantryError, type Logger, messageOf } from '../base/index.ts';
import type { Backends, StreamSession } from './backends.ts';
import { announcesBody, requireJson } from './body.ts';
import { statusOf } from './errors.ts';
import { archiveHandlers } from './handlers/archive.ts';
import { containerHandlers } from './handlers/containers.ts';
import { execHandlers } from './handlers/execs.ts';
import { imageHandlers } from './handlers/images.ts';
import { systemHandlers } from './handlers/system.ts';
import { type HijackedConnection, joinSession } from './hijack.ts';
import type { ApiRequest, Handler, Reply } from './reply.ts';
import { answerStream, commonHeaders, sendEmpty, sendError, sendJson, sendPing, type ServerInfo } from './respond.ts';
import { createRouter } from './router.ts';
import {
  type ApiVersion,
  legacyHijackContentType,
  newestVersion,
  parseVersion,
  streamContentType,
} from './versions.ts';
import { joinWebSocket } from './webSocket.ts';

/** One request as the HTTP side hands it over. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client has gone, and when the server closes while a stream lasts. */
  readonly gone: AbortController;
  /** The body, bounded. Throws `invalid`. */
  readonly readBody: () => Promise<Buffer>;
  /** The body as it comes. */
  readonly streamBody: () => AsyncIterable<Uint8Array>;
  /** Takes the connection out of HTTP's hands; nothing may be sent by `response` from then on. */
  readonly takeOver: () => Promise<HijackedConnection>;
  /** Names the exchange as one that may last for hours; `end` is called when the server closes. */
  readonly endless: (end: () => void) => void;
}

export interface DispatchOptions {
  readonly backends: Backends;
  readonly info: ServerInfo;
  readonly logger: Logger;
}

interface Located {
  readonly version: ApiVersion;
  readonly target: string;
  readonly handler: Handler;
}

/** Makes the function that answers requests. It never throws: failures become answers, and lines of the log. */
export function createDispatcher({ backends, info, logger }: DispatchOptions): (exchange: Exchange) => Promise<void> {
  const headers = commonHeaders(info);
  const locate = createLocator(backends);
  return async (exchange) => {
    const { request, response } = exchange;
    const startedMs = performance.now();
    const [path, query] = splitUrl(request.url ?? '/');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    try {
      const { version, target, handler } = locate(request.method ?? 'GET', path);
      const apiRequest = apiRequestOf(exchange, { version, target, query: new URLSearchParams(query), logger });
      await send(await handler(apiRequest), exchange, { version, headers, logger });
    } catch (error) {
      fail(exchange, error, logger, path);
    }
    // The query stays out of the log: build arguments, for one, can hold secrets.
    logger.debug('request', {
      method: request.method,
      path,
      status: response.headersSent ? response.statusCode : undefined,
      durationMs: Math.round(performance.now() - startedMs),
    });
  };
}

function splitUrl(url: string): [path: string, query: string] {
  // A proxy's client may send the whole address.
  const local = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  const path = mark === -1 ? local : local.slice(0, mark);
  return [path.replaceAll(/\/{2,}/g, '/'), mark === -1 ? '' : local.slice(mark + 1)];
}

function createLocator(backends: Backends): (method: string, path: string) => Located {
  const router = createRouter([...servedRoutes, ...declinedRoutes]);
  const handlers: Record<ServedRouteName, Handler> = {
    ...systemHandlers(backends.system, backends.events),
    ...containerHandlers(backends.containers),
    ...archiveHandlers(backends.archives),
    ...execHandlers(backends.execs),
    ...imageHandlers(backends.images),
  };
  const isServed = (name: string): name is ServedRouteName => Object.hasOwn(handlers, name);
  return (method, path) => {
    const versioned = /^\/v(\d[\d.]*)(\/.*)$/.exec(path);
    const version = versioned === null ? newestVersion : parseVersion(versioned[1] ?? '');
    const match = router(method, versioned?.[2] ?? path);
    // A known path with another method is not found either, as with Docker.
    if (match === undefined) throw new GantryError('notFound', 'page not found');
    const { route, target } = match;
    if (!isServed(route.name)) {
      // "not supported" is what the docker CLI looks for to go on with the other kinds of objects.
      throw new GantryError('notImplemented', `${route.method} ${route.path} is not supported by this engine`);
    }
    return { version, target: decodeTarget(target), handler: handlers[route.name] };
  };
}

function decodeTarget(target: string): string {
  try {
    return decodeURIComponent(target);
  } catch (error) {
    throw new GantryError('invalid', `invalid percent-encoding in path: ${JSON.stringify(target)}`, { cause: error });
  }
}

function apiRequestOf(
  { request, readBody, streamBody, gone }: Exchange,
  located: Pick<ApiRequest, 'version' | 'target' | 'query' | 'logger'>,
): ApiRequest {
  return {
    ...located,
    headers: request.headers,
    isFromNetwork: request.socket.remoteAddress !== undefined,
    signal: gone.signal,
    streamBody,
    jsonBody: async () => {
      if (!announcesBody(request.headers)) return undefined;
      requireJson(request.headers);
      return (await readBody()).toString('utf8');
    },
  };
}

interface SendContext {
  readonly version: ApiVersion;
  readonly headers: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

async function send(reply: Reply, exchange: Exchange, context: SendContext): Promise<void> {
  const { response } = exchange;
  switch (reply.kind) {
    case 'empty':
      return sendEmpty(response, reply.status, reply.headers);
    case 'json':
      return sendJson(response, reply.status, reply.body);
    case 'ping':
      return sendPing(response, reply.body);
    case 'stream':
      return sendStream(reply, exchange);
    case 'hijack':
      return hijack(reply, exchange, context);
    case 'earlyHijack':
      return hijackEarly(reply, exchange, context);
    case 'webSocket':
      return openWebSocket(reply, exchange, context);
  }
}

async function sendStream(reply: Reply & { kind: 'stream' }, exchange: Exchange): Promise<void> {
  const { response } = exchange;
  exchange.endless(() => exchange.gone.abort());
  const stream = answerStream(response, reply.contentType, reply.headers);
  await reply.run(stream);
  stream.start();
  if (!response.destroyed) response.end();
}

async function openWebSocket(
  { session, text }: Reply & { kind: 'webSocket' },
  exchange: Exchange,
  { logger }: SendContext,
): Promise<void> {
  const connection = await takeOver(exchange, session);
  await joinWebSocket(exchange.request, connection, session, text, logger);
}

/** Takes the connection for a session, which ends when the server closes and when that fails. */
async function takeOver(exchange: Exchange, session: StreamSession): Promise<HijackedConnection> {
  exchange.endless(() => session.close());
  try {
    return await exchange.takeOver();
  } catch (error) {
    session.close();
    throw error;
  }
}

async function hijack(
  { session, tty }: Reply & { kind: 'hijack' },
  exchange: Exchange,
  context: SendContext,
): Promise<void> {
  const connection = await takeOver(exchange, session);
  connection.socket.write(hijackHead(exchange, tty, context));
  await joinSession(connection, session, !tty, context.logger);
}

async function hijackEarly(
  { open, tty }: Reply & { kind: 'earlyHijack' },
  exchange: Exchange,
  context: SendContext,
): Promise<void> {
  const connection = await exchange.takeOver();
  // Errors end in 'close', which is what counts.
  connection.socket.on('error', () => {});
  // What the client sends meanwhile waits for the session.
  connection.socket.pause();
  connection.socket.write(hijackHead(exchange, tty, context));
  const session = await open();
  exchange.endless(() => session.close());
  await joinSession(connection, session, !tty, context.logger);
}

function hijackHead({ request }: Exchange, tty: boolean, { version, headers }: SendContext): string {
  const upgraded = request.headers.upgrade !== undefined;
  const lines = upgraded
    ? [
        `HTTP/1.1 101 UPGRADED`,
        `Content-Type: ${streamContentType(version, tty)}`,
        'Connection: Upgrade',
        'Upgrade: tcp',
      ]
    : [`HTTP/1.1 200 OK`, `Content-Type: ${legacyHijackContentType}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function fail({ response }: Exchange, error: unknown, logger: Logger, path: string): void {
  const status = statusOf(error);
  if (status === 500) {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.error('request failed', { path, error: messageOf(error), stack });
  }
  if (response.destroyed) return;
  if (response.headersSent) {
    // Too late to say so: the answer must not look complete.
    response.destroy();
    return;
  }
  sendError(response, error);
}
