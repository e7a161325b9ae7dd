/** The two ways in which a connection leaves HTTP, and the bodies that stand in front of that. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { GantryError } from '../base/index.ts';
import { bodyTooLong, longestBodyBytes, readBody } from './body.ts';
import { streamBody } from './bodyStream.ts';
import type { HijackedConnection } from './hijack.ts';

/** Whether the parser shall hand the connection over at once: only requests that are answered by a hijack. */
export function asksForHijack({ method, url = '', headers }: IncomingMessage): boolean {
  if (method === 'GET') {
    const isWebSocket = headers.upgrade?.toLowerCase() === 'websocket';
    return isWebSocket && /^\/+(?:v[\d.]+\/+)?containers\/[^/?]+\/attach\/ws(?:\?|$)/.test(url);
  }
  return method === 'POST' && /^\/+(?:v[\d.]+\/+)?(?:containers\/[^/?]+\/attach|exec\/[^/?]+\/start)(?:\?|$)/.test(url);
}

/** What a connection can do for a request. */
export interface Connection {
  readonly response: ServerResponse;
  readonly readBody: () => Promise<Buffer>;
  readonly streamBody: () => AsyncIterable<Uint8Array>;
  readonly takeOver: () => Promise<HijackedConnection>;
}

function ignore(): void {}

/** A request that Node parses to its end; the parser has to be taken off the socket for a hijack. */
export function plainConnection(request: IncomingMessage, response: ServerResponse): Connection {
  return {
    response,
    readBody: () => readBody(request),
    streamBody: () => streamBody(request),
    takeOver: async () => {
      if (!request.complete) await readBody(request);
      const { socket } = request;
      response.detachSocket(socket);
      for (const event of ['data', 'end', 'drain', 'timeout', 'error']) socket.removeAllListeners(event);
      // The parser reads from the kernel's side of the socket until somebody else asks the socket for its data. It must
      // not be paused for that: whoever takes it over starts reading before the next turn of the event loop.
      socket.on('data', ignore);
      socket.off('data', ignore);
      return { socket, head: Buffer.alloc(0) };
    },
  };
}

/**
 * A request with `Upgrade`: Node has taken its parser off behind the headers, so the body, and what the client sent
 * behind it without waiting for the answer, are read here.
 */
export function upgradedConnection(request: IncomingMessage, socket: Duplex, head: Buffer): Connection {
  const bodyBytes = Number(request.headers['content-length'] ?? 0);
  let rest = head;
  let body: Promise<Buffer> | undefined;
  const read = async (): Promise<Buffer> => {
    if (request.headers['transfer-encoding'] !== undefined) {
      throw new GantryError('invalid', 'a request with Upgrade needs a body of known length');
    }
    if (bodyBytes > longestBodyBytes) throw bodyTooLong();
    rest = await readAtLeast(socket, rest, bodyBytes);
    const taken = rest.subarray(0, bodyBytes);
    rest = rest.subarray(bodyBytes);
    return taken;
  };
  const readOnce = (): Promise<Buffer> => (body ??= read());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.once('finish', () => {
    response.detachSocket(request.socket);
    socket.end();
    socket.resume();
  });
  return {
    response,
    readBody: readOnce,
    streamBody: () => {
      throw new GantryError('invalid', 'a request with Upgrade has no stream for a body');
    },
    takeOver: async () => {
      await readOnce();
      response.detachSocket(request.socket);
      return { socket, head: rest };
    },
  };
}

function readAtLeast(socket: Duplex, head: Buffer, lengthBytes: number): Promise<Buffer> {
  if (head.length >= lengthBytes) return Promise.resolve(head);
  return new Promise((resolve, reject) => {
    const parts = [head];
    let haveBytes = head.length;
    const settle = (): void => {
      socket.pause();
      socket.off('data', take).off('end', giveUp).off('close', giveUp);
    };
    const take = (chunk: Buffer): void => {
      parts.push(chunk);
      haveBytes += chunk.length;
      if (haveBytes < lengthBytes) return;
      settle();
      resolve(Buffer.concat(parts));
    };
    const giveUp = (): void => {
      settle();
      reject(new GantryError('invalid', `invalid JSON: the body ended after ${haveBytes} of ${lengthBytes} bytes`));
    };
    socket.on('data', take).on('end', giveUp).on('close', giveUp);
  });
}
