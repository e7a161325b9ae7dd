import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

import { hasCode } from '../base/index.ts';

export interface StatusPipe {
  /** Resolves with the exit status, or with undefined when the wrapper has gone without telling it. */
  readonly code: Promise<number | undefined>;
  close(): void;
}

/** Watches the FIFO that a wrapper writes the exit status into. Open it before the wrapper is started. */
export function watchStatus(path: string): StatusPipe {
  return follow(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), '');
}

/** The same for a wrapper that runs already. */
export function resumeStatus(path: string): StatusPipe {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // epoll tells nothing of a FIFO that has no writer when it is opened; read(2) does.
  const buffer = Buffer.alloc(64);
  try {
    const count = readSync(fd, buffer);
    if (count > 0) return follow(fd, buffer.toString('latin1', 0, count));
  } catch (error) {
    if (hasCode(error, 'EAGAIN')) return follow(fd, '');
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return { code: Promise.resolve(undefined), close: () => {} };
}

function follow(fd: number, start: string): StatusPipe {
  const socket = new Socket({ fd, readable: true, writable: false });
  const { promise: code, resolve } = Promise.withResolvers<number | undefined>();
  let text = '';
  const take = (more: string): void => {
    text += more;
    const match = /^([0-9]{1,3})\n/.exec(text);
    if (match !== null) resolve(Number(match[1]));
  };
  socket.on('data', (chunk: Buffer) => take(chunk.toString('latin1')));
  socket.on('error', () => resolve(undefined));
  socket.on('close', () => resolve(undefined));
  take(start);
  return { code, close: () => void socket.destroy() };
}
