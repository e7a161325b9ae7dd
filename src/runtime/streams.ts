import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';

import { hasCode } from '../base/index.ts';
import { readableBytes } from '../linux/index.ts';

/** A stream of a process's output that ends when all writers have gone, or when it is told that nothing more will come. */
export interface OutputStream {
  readonly readable: Readable;
  /** Resolves when everything has been handed to the reader, or the reader has given up. */
  readonly done: Promise<void>;
  /** Ends the stream once the kernel holds nothing more, although a writer is left (a background process of an exec). */
  endWhenDrained(): void;
  /** Reads no more and ends after what has been read: the rest is left in the kernel for a daemon that comes after us. */
  release(): void;
}

const drainCheckMs = 50;

/**
 * Hands what `source`, an open descriptor of a pipe or terminal, gives to a new Readable; EIO is a terminal's end. `tail`
 * is asked at the end for what comes after it.
 */
export function outputStream(source: Socket, fd: number, tail?: () => Buffer): OutputStream {
  let ended = false;
  const readable = new Readable({
    highWaterMark: 256 * 1024,
    read: () => void source.resume(),
    destroy: (error, done) => {
      source.destroy();
      done(error);
    },
  });
  const endAfter = (rest: Buffer | null | undefined): void => {
    if (ended) return;
    ended = true;
    if (rest && rest.length > 0 && !readable.destroyed) readable.push(rest);
    readable.push(null);
    source.destroy();
  };
  const end = (): void => endAfter(ended ? undefined : tail?.());
  const release = (): void => {
    source.pause();
    endAfter(source.read() as Buffer | null);
  };
  source.on('data', (chunk: Buffer) => {
    if (!ended && !readable.push(chunk)) source.pause();
  });
  source.on('end', end);
  source.on('close', end);
  // EIO: the last holder of the terminal's other end has gone. Nothing else can be expected of a pipe.
  source.on('error', end);
  source.pause();
  const check = (): void => {
    if (ended || source.destroyed) return;
    if (readableBytes(fd) === 0) end();
    else setTimeout(check, drainCheckMs);
  };
  const done = new Promise<void>((resolve) => readable.once('close', resolve));
  return { readable, done, endWhenDrained: () => void setTimeout(check, drainCheckMs), release };
}

/** The daemon's end of an output FIFO. */
export function openOutput(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** What one read of a pipe brings at most: a process that writes much is read in few steps. */
const pipeReadBytes = 192 * 1024;

/** A pipe's read end as a stream source. It emits 'data' although it reads into buffers of its own. */
export function pipeSource(fd: number): Socket {
  let next = Buffer.allocUnsafeSlow(pipeReadBytes);
  const source: Socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: () => next,
      callback: (length) => {
        if (length < pipeReadBytes / 2) {
          source.emit('data', Buffer.from(next.subarray(0, length)));
        } else {
          const full = next.subarray(0, length);
          next = Buffer.allocUnsafeSlow(pipeReadBytes);
          source.emit('data', full);
        }
        return true;
      },
    },
  });
  return source;
}

/** A terminal's master end, for both directions. */
export function terminalSource(fd: number): Socket {
  return new ReadStream(fd, { readable: true, writable: true });
}

/** Writes to a FIFO's write end; `end()` closes it, and `onEnd` then lets go of what else holds it. */
export function pipeWriter(fd: number, onEnd: () => void): Writable {
  const socket = new Socket({ fd, readable: false, writable: true });
  let broken = false;
  socket.on('error', () => (broken = true));
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      // A process that has closed its stdin takes nothing more; that is no error of the writer's.
      if (broken) done();
      else socket.write(chunk, () => done());
    },
    destroy: (_error, done) => {
      socket.destroy();
      onEnd();
      done(null);
    },
  });
}

/** Writes to a terminal. `end()` ends this writer only: a terminal's end of file is a character. */
export function terminalWriter(source: Socket): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (source.destroyed) done();
      else source.write(chunk, () => done());
    },
  });
}

/** The write end of a FIFO that has a reader; undefined when nobody reads any more. */
export function openInput(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENXIO') || hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Closes all of `descriptors`. */
export function closeAll(descriptors: readonly number[]): void {
  for (const fd of new Set(descriptors)) closeSync(fd);
}
