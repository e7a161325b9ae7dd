import type { Socket } from 'node:net';

import { GantryError } from '../base/index.ts';

/** Bytes that may wait before the socket is told to pause. */
const highWaterBytes = 1024 * 1024;

/** What arrives on a socket, chunk by chunk, with back-pressure. At most one read waits at a time. */
export class SocketReader {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk));
    socket.on('end', () => this.#finish(undefined));
    socket.on('error', (error) => this.#finish(error));
    socket.on('close', () => this.#finish(undefined));
  }

  #arrived(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > highWaterBytes) this.#socket.pause();
    this.#wake?.();
  }

  #finish(failure: Error | undefined): void {
    this.#ended = true;
    this.#failure ??= failure;
    this.#wake?.();
  }

  /** The next bytes, or undefined after the last. Throws the socket's error when what came before it has been read. */
  async read(): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0 && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#waitingBytes -= chunk.length;
      if (this.#waitingBytes <= highWaterBytes / 2 && this.#socket.isPaused()) this.#socket.resume();
      return chunk;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  /** Puts back what was read too much of. */
  unread(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** Bytes up to and without `mark`; undefined if the other side ended before the first byte. */
  async readUntil(mark: string, mostBytes: number): Promise<string | undefined> {
    let text: Buffer = Buffer.alloc(0);
    for (;;) {
      const end = text.indexOf(mark);
      if (end !== -1) {
        this.unread(text.subarray(end + mark.length));
        return text.toString('latin1', 0, end);
      }
      if (text.length > mostBytes) throw new GantryError('internal', 'the daemon answered with an oversized header');
      const chunk = await this.read();
      if (chunk === undefined) {
        if (text.length === 0) return undefined;
        throw new GantryError('unavailable', 'the daemon closed the connection in the middle of an answer');
      }
      text = text.length === 0 ? chunk : Buffer.concat([text, chunk]);
    }
  }

  /** All bytes until the other side ends. */
  async *rest(): AsyncGenerator<Buffer, void, undefined> {
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk;
  }
}
