/** The main thread's ends of the pipes to threads that block. */
import { Socket } from 'node:net';

import { GantryError } from '../base/index.ts';

/** What is read at once: a thread fills a pipe of a MiB meanwhile. */
const chunkBytes = 256 * 1024;

/** What another thread writes into a pipe, in one buffer that is filled again and again. */
export class PipeSource {
  readonly #buffer = Buffer.allocUnsafeSlow(chunkBytes);
  readonly #socket: Socket;
  #filledBytes = 0;
  #isEnded = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** Takes over `fd`, which is closed at the end. */
  constructor(fd: number) {
    const callback = (count: number): boolean => {
      this.#filledBytes = count;
      this.#wake?.();
      // Nothing more is read before these bytes have been used.
      return false;
    };
    this.#socket = new Socket({ fd, readable: true, writable: false, onread: { buffer: this.#buffer, callback } });
    this.#socket.on('end', () => this.#finish(undefined));
    this.#socket.on('error', (error) => this.#finish(error));
    this.#socket.on('close', () => this.#finish(new GantryError('cancelled', 'the copy was given up')));
  }

  /** To be read once. A chunk is valid until the next one is asked for. Throws where the source is closed before its end. */
  async *chunks(): AsyncGenerator<Buffer, void> {
    try {
      for (;;) {
        while (this.#filledBytes === 0 && !this.#isEnded) await this.#news();
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#filledBytes === 0) return;
        yield this.#buffer.subarray(0, this.#filledBytes);
        this.#filledBytes = 0;
        this.#socket.resume();
      }
    } finally {
      this.close();
    }
  }

  /** Idempotent. */
  close(): void {
    this.#socket.destroy();
  }

  #news(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  #finish(failure: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#wake?.();
  }
}

/** Writes to a pipe that another thread reads. */
export class PipeSink {
  readonly #socket: Socket;

  /** Takes over `fd`, which is closed at the end. */
  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: false, writable: true });
    // The thread no longer reads: what it answers says why.
    this.#socket.on('error', () => {});
  }

  /** Hands all chunks on, no faster than they are taken, and then the end; ends early when nobody takes them any more. */
  async feed(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      if (this.#socket.destroyed) return;
      // Waited for to the last byte: the chunk is not ours when the next one is asked for.
      await this.#written(chunk);
    }
    this.#socket.end();
  }

  /** Idempotent. */
  close(): void {
    this.#socket.destroy();
  }

  #written(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(chunk, () => resolve());
    });
  }
}
