/**
 * Attaching over WebSocket (RFC 6455): the same session as a hijacked connection's, in messages. Engine API, "Attach to a
 * container via a websocket". Output is never framed by stream: both streams go out as they come.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { type WebSocket, WebSocketServer } from 'ws';

import { GantryError, type Logger, messageOf } from '../base/index.ts';
import type { StreamSession } from './backends.ts';
import { type HijackedConnection, whenDropped } from './hijack.ts';
import { type OutputTarget, OutputWriter } from './output.ts';

/** A longer message from a client, whole or in fragments, ends its connection with code 1009. */
const longestMessageBytes = 4 << 20;
/** More fragments of one message end it with code 1008. */
const mostFragments = 4096;
const normalClosure = 1000;

// Compression is not offered: what it needs for every client is more than attached streams are worth.
const accepting = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: longestMessageBytes,
  maxFragments: mostFragments,
});

/**
 * Throws `invalid` when a request is no opening handshake (RFC 6455 section 4.2.1), and `forbidden` when a web page of another
 * origin sent it over the network: browsers let every page open WebSockets to everywhere and leave the check to the server
 * (section 10.2). Nothing but a program reaches a unix socket, and what programs send as their origin says nothing.
 */
export function requireHandshake(headers: IncomingHttpHeaders, isFromNetwork: boolean): void {
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw new GantryError('invalid', 'not websocket protocol');
  if (headers['sec-websocket-version'] !== '13') {
    throw new GantryError('invalid', 'missing or bad WebSocket Version', { hint: 'Version 13 is served.' });
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw new GantryError('invalid', 'mismatch challenge/response');
  }
  if (isFromNetwork && isOfOtherOrigin(headers)) {
    throw new GantryError('forbidden', `the origin ${JSON.stringify(headers.origin)} may not attach`, {
      hint: 'Web pages attach from the address of the API only; other programs leave the header Origin out.',
    });
  }
}

function isOfOtherOrigin({ origin, host = '' }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return false;
  const [of, own] = [URL.parse(origin)?.host, URL.parse(`http://${host}`)?.host];
  return !of || of !== own;
}

/**
 * Answers the handshake and joins the connection and a session until the output has ended or the client has gone; then
 * both are closed. A client's close is its end as a whole: a message cannot end the input alone. With `text` messages are
 * text, as clients before API 1.28 expect them.
 */
export async function joinWebSocket(
  request: IncomingMessage,
  connection: HijackedConnection,
  session: StreamSession,
  text: boolean,
  logger: Logger,
): Promise<void> {
  const socket = await accept(request, connection);
  if (socket === undefined) return session.close();
  socket.on('close', () => session.close());
  socket.on('error', (error) => {
    logger.debug('a WebSocket client failed', { error: error.message });
    // The protocol has been broken: `ws` says so to the client, whose answer is not worth waiting for.
    session.close();
  });
  passMessages(socket, session, logger);
  whenDropped(session, logger, () => socket.terminate());
  const writer = new OutputWriter(targetOf(socket, connection.socket, text), false);
  try {
    for await (const chunk of session.output) {
      const congestion = writer.write(chunk);
      if (congestion !== undefined) await congestion;
      if (socket.readyState !== socket.OPEN) break;
    }
    writer.flush();
  } catch (error) {
    logger.error('attached stream failed', { error: messageOf(error) });
    writer.fail(`Error attaching: ${messageOf(error)}`);
  } finally {
    await hangUp(socket, connection);
    session.close();
  }
}

/** Undefined when the handshake has been refused or the client has gone meanwhile. */
function accept(request: IncomingMessage, { socket, head }: HijackedConnection): Promise<WebSocket | undefined> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    accepting.handleUpgrade(request, socket, head, resolve);
  });
}

/** Messages are the process's input; a client that sends faster than it reads is held back by its connection. */
function passMessages(socket: WebSocket, { stdin }: StreamSession, logger: Logger): void {
  // Also a client without input is read: for its close, and its pings.
  if (stdin === undefined) return;
  stdin.on('error', (error: Error) => logger.debug('input of a process failed', { error: error.message }));
  const resume = (): void => socket.resume();
  stdin.on('drain', resume);
  stdin.on('close', resume);
  socket.on('message', (data: Buffer) => {
    if (stdin.writable && !stdin.write(data)) socket.pause();
  });
}

function targetOf(socket: WebSocket, stream: HijackedConnection['socket'], text: boolean): OutputTarget {
  // A character may be torn between two chunks, and text must be valid UTF-8.
  const decoder = text ? new TextDecoder() : undefined;
  const isGone = (): boolean => socket.readyState !== socket.OPEN;
  const drained = (): Promise<void> =>
    isGone() || !stream.writableNeedDrain
      ? Promise.resolve()
      : new Promise((resolve) => {
          const settle = (): void => {
            stream.off('drain', settle).off('close', settle);
            resolve();
          };
          stream.on('drain', settle).on('close', settle);
        });
  const send = (bytes: Uint8Array): void => {
    const message = decoder === undefined ? bytes : decoder.decode(bytes, { stream: true });
    if (!isGone() && message.length > 0) socket.send(message, { binary: decoder === undefined });
  };
  return {
    get gone() {
      return isGone();
    },
    get congested() {
      return stream.writableNeedDrain;
    },
    write(data) {
      send(typeof data === 'string' ? Buffer.from(data) : data);
      return stream.writableNeedDrain ? drained() : undefined;
    },
    writeAll: (pieces) => pieces.forEach(send),
    drained,
  };
}

/** Closes; resolves when all that was written is with the kernel. A client that does not answer is dropped by `ws` in time. */
function hangUp(socket: WebSocket, { socket: stream }: HijackedConnection): Promise<void> {
  // A client that stopped reading input's answers would never be heard: whatever it sends now is of no interest.
  socket.resume();
  if (socket.readyState !== socket.OPEN) return Promise.resolve();
  socket.close(normalClosure);
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
    stream.write('', () => resolve());
  });
}
