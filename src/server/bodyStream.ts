import type { IncomingMessage } from 'node:http';

/** What is handed on at once, and as much again may wait. */
const batchBytes = 256 * 1024;
/** Longest piece that the parser gives. */
const pieceBytes = 64 * 1024;

/**
 * A body batch by batch; one is valid until the next is asked for. Who stops reading still can answer: what is left is thrown
 * away as it comes.
 */
export async function* streamBody(request: IncomingMessage): AsyncGenerator<Uint8Array, void> {
  const stream = new BodyStream(request);
  try {
    for (let batch = await stream.next(); batch !== undefined; batch = await stream.next()) yield batch;
  } finally {
    stream.leave();
  }
}

/**
 * Gathers what arrives in one turn of the event loop: pieces of a chunked body are small, and each would cost a system call
 * and a waking of who takes it. The pieces' own memory is given back at once, for the collector lets a hundred megabytes of
 * them pile up.
 */
class BodyStream {
  readonly #request: IncomingMessage;
  #filling = Buffer.allocUnsafeSlow(batchBytes);
  #spare = Buffer.allocUnsafeSlow(batchBytes);
  #filledBytes = 0;
  #isOver: boolean;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  readonly #take = (piece: Buffer): void => this.#gather(piece);
  readonly #end = (): void => this.#finish(undefined);
  readonly #close = (): void => {
    const isWhole = this.#request.complete;
    this.#finish(isWhole ? undefined : new Error('the connection was closed in the middle of a body'));
  };

  constructor(request: IncomingMessage) {
    this.#request = request;
    this.#isOver = request.readableEnded;
    request.on('data', this.#take).on('end', this.#end).on('close', this.#close);
    // Stays: nobody else hears of a connection that breaks after the last batch.
    request.on('error', (error) => this.#finish(error));
  }

  /** Undefined at the end. Throws where the connection ends before the body. */
  async next(): Promise<Buffer | undefined> {
    if (this.#filledBytes === 0 && !this.#isOver) await this.#news();
    if (this.#filledBytes > 0) return this.#handOver();
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  leave(): void {
    this.#request.off('data', this.#take).off('end', this.#end).off('close', this.#close).resume();
  }

  #handOver(): Buffer {
    const batch = this.#filling.subarray(0, this.#filledBytes);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#filledBytes = 0;
    this.#request.resume();
    return batch;
  }

  #gather(piece: Buffer): void {
    if (this.#filledBytes + piece.length > this.#filling.length) this.#grow(piece.length);
    this.#filling.set(piece, this.#filledBytes);
    this.#filledBytes += piece.length;
    release(piece);
    if (this.#filledBytes + pieceBytes > this.#filling.length) this.#request.pause();
    this.#announce();
  }

  /** For a parser that gives longer pieces than it does today. */
  #grow(byBytes: number): void {
    this.#filling = Buffer.concat([this.#filling.subarray(0, this.#filledBytes)], this.#filledBytes + byBytes);
  }

  #finish(failure: Error | undefined): void {
    this.#failure ??= failure;
    this.#isOver = true;
    this.#announce();
  }

  #news(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  /** At the end of this turn, when all that has come is here. */
  #announce(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake !== undefined) setImmediate(wake);
  }
}

function release({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
