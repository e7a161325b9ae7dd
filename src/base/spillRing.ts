/** What one client has not taken yet, in a file: bytes with the framing of `multiplex.ts`, from the first to the last in a ring. */
import { frameHeader, MultiplexDecoder } from './multiplex.ts';

export interface StreamChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

/** A file of one client's own. It has no name, so that nothing of it is left however the daemon ends. */
export interface SpillFile {
  /** Writes all of `data`; rejects with the system error (ENOSPC), when a part of it may be written. `data` is free afterwards. */
  write(data: Uint8Array, positionBytes: number): Promise<void>;
  /** Reads what was written there. */
  read(positionBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** Waits for what is under way; nothing is called afterwards. */
  close(): Promise<void>;
}

export type OpenSpill = () => Promise<SpillFile>;

const headerBytes = 8;
/** What goes to the file, or comes from it, at one go. */
const writeBytes = 256 * 1024;
const readBytes = 256 * 1024;
/** What comes at one go when it counts that a slow client is seen to take something: when the file is more than half full. */
const shortReadBytes = 32 * 1024;

/** One append and one take at a time may be under way, at once. */
export class SpillRing {
  readonly #file: SpillFile;
  readonly #capacityBytes: number;
  readonly #staged = Buffer.allocUnsafeSlow(writeBytes);
  readonly #decoder = new MultiplexDecoder();
  #writtenBytes = 0;
  #readBytes = 0;

  /** The file never holds more than `capacityBytes`. */
  constructor(file: SpillFile, capacityBytes: number) {
    this.#file = file;
    this.#capacityBytes = capacityBytes;
  }

  get isEmpty(): boolean {
    return this.#readBytes === this.#writtenBytes;
  }

  /** How many of `chunks`, from the first on, there is room for. */
  countFitting(chunks: readonly StreamChunk[]): number {
    let free = this.#capacityBytes - (this.#writtenBytes - this.#readBytes);
    let count = 0;
    for (const { data } of chunks) {
      free -= headerBytes + data.length;
      if (free < 0) break;
      count++;
    }
    return count;
  }

  /** Appends chunks that fit. When it rejects none of them is in the ring. */
  async append(chunks: readonly StreamChunk[]): Promise<void> {
    let position = this.#writtenBytes;
    let staged = 0;
    for (const piece of framed(chunks)) {
      for (let offset = 0; offset < piece.length;) {
        const part = piece.subarray(offset, offset + writeBytes - staged);
        this.#staged.set(part, staged);
        staged += part.length;
        offset += part.length;
        if (staged < writeBytes) continue;
        await this.#write(this.#staged, position);
        position += staged;
        staged = 0;
      }
    }
    await this.#write(this.#staged.subarray(0, staged), position);
    this.#writtenBytes = position + staged;
  }

  /** Takes some of what is there, in order; a chunk may come in several pieces. */
  async take(): Promise<StreamChunk[]> {
    const position = this.#readBytes % this.#capacityBytes;
    const waiting = this.#writtenBytes - this.#readBytes;
    const mostBytes = waiting > this.#capacityBytes / 2 ? shortReadBytes : readBytes;
    const length = Math.min(mostBytes, waiting, this.#capacityBytes - position);
    const bytes = await this.#file.read(position, length);
    this.#readBytes += length;
    return this.#decoder.push(bytes) as StreamChunk[];
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #write(bytes: Uint8Array, from: number): Promise<void> {
    const position = from % this.#capacityBytes;
    const first = bytes.subarray(0, this.#capacityBytes - position);
    if (first.length > 0) await this.#file.write(first, position);
    const rest = bytes.subarray(first.length);
    if (rest.length > 0) await this.#file.write(rest, 0);
  }
}

function* framed(chunks: readonly StreamChunk[]): Generator<Uint8Array> {
  for (const { stream, data } of chunks) {
    yield frameHeader(stream, data.length);
    yield data;
  }
}
