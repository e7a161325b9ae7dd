import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { errorBody, statusOf } from './errors.ts';
import { targetOf } from './output.ts';
import type { AnswerStream } from './reply.ts';
import { formatVersion, newestVersion } from './versions.ts';

/** What the server says about itself in every answer. */
export interface ServerInfo {
  /** The engine's own version, such as `0.1.0`. */
  readonly version: string;
}

/** Headers of every answer; clients choose their API version by them. */
export function commonHeaders(info: ServerInfo): Readonly<Record<string, string>> {
  return {
    'Api-Version': formatVersion(newestVersion),
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `Gantry/${info.version} (linux)`,
  };
}

/** Sends an answer in one piece. Types are Docker's: JSON ends with a line end. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  sendText(response, status, 'application/json', text);
}

/** Sends an answer without a body. */
export function sendEmpty(response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void {
  // 204 and 304 have no length.
  response.writeHead(status, status === 200 || status === 201 ? { 'Content-Length': 0, ...headers } : headers);
  response.end();
}

/** The answer to a ping: what clients want to know before the first request. No swarm, and the classic builder. */
export function sendPing(response: ServerResponse, body: string): void {
  sendText(response, 200, 'text/plain; charset=utf-8', response.req.method === 'HEAD' ? '' : body, {
    'Builder-Version': '1',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    Swarm: 'inactive',
  });
}

/** Sends anything that was thrown, by the one table. */
export function sendError(response: ServerResponse, error: unknown): void {
  const status = statusOf(error);
  if (status === 304) sendEmpty(response, status);
  else sendJson(response, status, errorBody(error));
}

function sendText(
  response: ServerResponse,
  status: number,
  contentType: string,
  text: string,
  more: OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text), ...more });
  response.end(text);
}

/** An answer that is sent while it is made. */
export function answerStream(
  response: ServerResponse,
  contentType: string,
  headers: OutgoingHttpHeaders = {},
): AnswerStream {
  const target = targetOf(response);
  const start = (): void => {
    if (response.headersSent || response.destroyed) return;
    response.writeHead(200, { 'Content-Type': contentType, ...headers });
    response.flushHeaders();
  };
  return {
    get started() {
      return response.headersSent;
    },
    get gone() {
      return response.destroyed || target.gone;
    },
    get congested() {
      return target.congested;
    },
    start,
    write(data) {
      start();
      return target.write(data);
    },
    send(data) {
      start();
      return target.gone ? Promise.resolve() : taken(response, data);
    },
    writeAll(pieces) {
      start();
      // Not corked: a ServerResponse that was would ask for a wait for 'drain' that its socket, never full, does not emit.
      // Nor waited for piece by piece: whoever waits asks `drained` once.
      for (const piece of pieces) if (!target.gone) response.write(piece);
    },
    drained: () => target.drained(),
  };
}

function taken(response: ServerResponse, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('close', settle);
      resolve();
    };
    response.on('close', settle);
    response.write(data, settle);
  });
}
