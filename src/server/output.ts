import type { Writable } from 'node:stream';

import { type FramedStream, frameHeader, longestFrameBytes } from '../base/index.ts';
import type { OutputChunk } from './backends.ts';

const batchBytes = 64 * 1024;

/** What output is written to: an answer, or a connection that has left HTTP. */
export interface OutputTarget {
  /** Nobody reads any more: writes are dropped. */
  readonly gone: boolean;
  /** More is waiting for the reader than it takes at once. */
  readonly congested: boolean;
  /** Sends; gives a promise to wait for when the reader is slower than the source. */
  write(data: string | Uint8Array): Promise<void> | undefined;
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
 * Writes a process's output to a client, framed or raw. Small chunks that come in one turn of the event loop go out
 * together: a log of short lines would otherwise cost a system call, and an HTTP chunk, a line.
 */
export class OutputWriter {
  readonly #target: OutputTarget;
  readonly #framed: boolean;
  #batch: Buffer | undefined;
  #batchLength = 0;
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
    if (this.#batchLength === 0 || this.#batch === undefined) return;
    const batch = this.#batch.subarray(0, this.#batchLength);
    this.#batch = undefined;
    this.#batchLength = 0;
    void this.#target.write(batch);
  }

  #writeFrame(stream: FramedStream, data: Uint8Array): void {
    if (this.#target.gone) return;
    if (this.#framed) this.#append(frameHeader(stream, data.length));
    this.#append(data);
  }

  #append(bytes: Uint8Array): void {
    if (this.#batchLength + bytes.length > batchBytes) this.flush();
    if (bytes.length >= batchBytes / 4) {
      this.flush();
      void this.#target.write(bytes);
      return;
    }
    this.#batch ??= Buffer.allocUnsafe(batchBytes);
    this.#batch.set(bytes, this.#batchLength);
    this.#batchLength += bytes.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
