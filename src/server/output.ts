import type { Writable } from 'node:stream';

import { type FramedStream, frameHeader, longestFrameBytes } from '../base/index.ts';
import type { OutputChunk } from './backends.ts';

/** Shorter pieces are copied together. */
const longPieceBytes = 16 * 1024;
const batchBytes = 64 * 1024;
/** What is held back for the end of a turn at most. */
const mostHeldBytes = 256 * 1024;

/** What output is written to: an answer, or a connection that has left HTTP. */
export interface OutputTarget {
  /** Nobody reads any more: writes are dropped. */
  readonly gone: boolean;
  /** More is waiting for the reader than it takes at once. */
  readonly congested: boolean;
  /** Sends; gives a promise to wait for when the reader is slower than the source. */
  write(data: string | Uint8Array): Promise<void> | undefined;
  /** Sends the pieces one behind the other, at one go where that is possible. */
  writeAll(pieces: readonly Uint8Array[]): void;
  /** Resolves when the reader has taken what was waiting, or has gone. */
  drained(): Promise<void>;
}

/** A target over a stream of Node's. */
export function targetOf(writable: Writable): OutputTarget {
  const drained = (): Promise<void> => whenDrained(writable);
  return {
    get gone() {
      return !writable.writable;
    },
    get congested() {
      return writable.writableNeedDrain;
    },
    write(data) {
      if (!writable.writable || writable.write(data)) return undefined;
      return drained();
    },
    writeAll(pieces) {
      if (!writable.writable) return;
      writable.cork();
      for (const piece of pieces) writable.write(piece);
      writable.uncork();
    },
    drained,
  };
}

function whenDrained(writable: Writable): Promise<void> {
  if (!writable.writableNeedDrain || writable.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      writable.off('drain', settle);
      writable.off('close', settle);
      resolve();
    };
    writable.on('drain', settle);
    writable.on('close', settle);
  });
}

/**
 * Writes a process's output to a client, framed or raw. What comes in one turn of the event loop goes out together: a log
 * of short lines would otherwise cost a system call, and an HTTP chunk, a line. Long pieces are not copied for that.
 */
export class OutputWriter {
  readonly #target: OutputTarget;
  readonly #framed: boolean;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  /** Takes short pieces, up to `#batchEnd`; from `#batchStart` on they are not among `#pieces` yet. */
  #batch = Buffer.alloc(0);
  #batchStart = 0;
  #batchEnd = 0;
  #scheduled = false;

  constructor(target: OutputTarget, framed: boolean) {
    this.#target = target;
    this.#framed = framed;
  }

  /** Sends a chunk; gives a promise to wait for when the client is slower than the source. */
  write({ stream, data }: OutputChunk): Promise<void> | undefined {
    for (let offset = 0; offset < data.length; offset += longestFrameBytes) {
      this.#writeFrame(stream, data.subarray(offset, offset + longestFrameBytes));
    }
    return this.#target.congested ? this.#target.drained() : undefined;
  }

  /** Tells the client in its output that the engine failed; framed clients report it as an error. */
  fail(message: string): void {
    this.#writeFrame('systemError', Buffer.from(`${message}\n`));
    this.flush();
  }

  /** Sends what is held back for the end of this turn. */
  flush(): void {
    this.#closeBatch();
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    this.#pieces = [];
    this.#heldBytes = 0;
    this.#target.writeAll(pieces);
  }

  #writeFrame(stream: FramedStream, data: Uint8Array): void {
    if (this.#target.gone) return;
    if (this.#framed) this.#append(frameHeader(stream, data.length));
    this.#append(data);
    if (this.#heldBytes >= mostHeldBytes) this.flush();
    else this.#schedule();
  }

  #append(bytes: Uint8Array): void {
    this.#heldBytes += bytes.length;
    if (bytes.length >= longPieceBytes) {
      this.#closeBatch();
      this.#pieces.push(bytes);
      return;
    }
    if (this.#batchEnd + bytes.length > this.#batch.length) {
      this.#closeBatch();
      this.#batch = Buffer.allocUnsafe(batchBytes);
      this.#batchStart = 0;
      this.#batchEnd = 0;
    }
    this.#batch.set(bytes, this.#batchEnd);
    this.#batchEnd += bytes.length;
  }

  #closeBatch(): void {
    if (this.#batchEnd > this.#batchStart) this.#pieces.push(this.#batch.subarray(this.#batchStart, this.#batchEnd));
    this.#batchStart = this.#batchEnd;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
