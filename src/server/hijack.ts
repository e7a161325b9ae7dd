/**
 * Connections that leave HTTP: after the answer's head the client and a process's streams talk directly. Engine API,
 * "Attach to a container", hijacking.
 */
import type { Duplex } from 'node:stream';

import { type Logger, messageOf } from '../base/index.ts';
import type { StreamSession } from './backends.ts';
import { OutputWriter, targetOf } from './output.ts';

/** How long a client may keep its half of a connection open after the engine has closed the other. */
const lingerMs = 10_000;

export interface HijackedConnection {
  readonly socket: Duplex;
  /** What the client sent behind its request, already read. */
  readonly head: Buffer;
}

/**
 * Joins a connection and a session until the output has ended or the client has gone; then both are closed. The client's
 * EOF becomes the end of the process's input, while output goes on.
 */
export async function joinSession(
  { socket, head }: HijackedConnection,
  session: StreamSession,
  framed: boolean,
  logger: Logger,
): Promise<void> {
  const writer = new OutputWriter(targetOf(socket), framed);
  const leave = (): void => session.close();
  socket.once('close', leave);
  socket.on('error', (error) => logger.debug('attached client failed', { error: error.message }));
  passInput(socket, head, session, logger);
  whenDropped(session, logger, () => socket.destroy());
  try {
    if (socket.destroyed) leave();
    for await (const chunk of session.output) {
      const congestion = writer.write(chunk);
      if (congestion !== undefined) await congestion;
      if (socket.destroyed) break;
    }
    writer.flush();
  } catch (error) {
    logger.error('attached stream failed', { error: messageOf(error) });
    writer.fail(`Error attaching: ${messageOf(error)}`);
  } finally {
    await hangUp(socket);
    leave();
  }
}

/** A client that does not read cannot be told anything: its connection goes. */
export function whenDropped({ dropped }: StreamSession, logger: Logger, disconnect: () => void): void {
  const drop = (): void => {
    logger.warn('an attached client was dropped', { error: messageOf(dropped?.reason) });
    disconnect();
  };
  if (dropped?.aborted === true) drop();
  dropped?.addEventListener('abort', drop, { once: true });
}

function passInput(socket: Duplex, head: Buffer, session: StreamSession, logger: Logger): void {
  const { stdin } = session;
  if (head.length > 0) socket.unshift(head);
  if (stdin === undefined) {
    socket.resume();
    return;
  }
  stdin.on('error', (error: Error) => logger.debug('input of a process failed', { error: error.message }));
  // The process does not read any more; the client may go on writing, to nowhere.
  stdin.on('close', () => socket.resume());
  socket.pipe(stdin);
}

/**
 * Ends our half, and the whole connection as soon as the client has ended its own, or after a while. Resolves when all
 * that was written is with the kernel.
 */
function hangUp(socket: Duplex): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  socket.unpipe();
  socket.resume();
  return new Promise((resolve) => {
    socket.once('close', resolve);
    socket.end(() => {
      // Not earlier: a client may take its time over what was written.
      const timer = setTimeout(() => socket.destroy(), lingerMs);
      timer.unref();
      socket.once('close', () => clearTimeout(timer));
      resolve();
    });
  });
}
