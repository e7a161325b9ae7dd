import { GantryError } from '../errors.ts';

/** Chunks of a stream, one at a time; undefined at its end. A chunk is valid until the next one is asked for. */
export type ChunkSource = () => Promise<Buffer | undefined>;

const nothing = Buffer.alloc(0);

/** Takes exact numbers of bytes from a stream of chunks, without copying where a chunk holds them all. */
export class ByteReader {
  readonly #source: ChunkSource;
  #chunk: Buffer = nothing;
  #at = 0;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  /**
   * The next `count` bytes, valid until more are asked for; undefined at the end of the stream. Throws `invalid` when it
   * ends in between.
   */
  async take(count: number): Promise<Buffer | undefined> {
    if (this.#chunk.length - this.#at >= count) return this.#slice(count);
    const whole = Buffer.allocUnsafe(count);
    for (let at = 0; at < count;) {
      const part = await this.#some(count - at);
      if (part === undefined && at === 0) return undefined;
      if (part === undefined) throw truncated();
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Hands the next `count` bytes on in pieces. Throws `invalid` when the stream ends before. */
  async pass(count: number, consume: (piece: Buffer) => void): Promise<void> {
    for (let missing = count; missing > 0;) {
      const held = Math.min(missing, this.#chunk.length - this.#at);
      const piece = held > 0 ? this.#slice(held) : await this.#some(missing);
      if (piece === undefined) throw truncated();
      consume(piece);
      missing -= piece.length;
    }
  }

  /** Reads to the end of the stream. */
  async drain(): Promise<void> {
    this.#chunk = nothing;
    this.#at = 0;
    while ((await this.#source()) !== undefined);
  }

  async #some(limit: number): Promise<Buffer | undefined> {
    while (this.#at === this.#chunk.length) {
      const next = await this.#source();
      if (next === undefined) return undefined;
      this.#chunk = next;
      this.#at = 0;
    }
    return this.#slice(Math.min(limit, this.#chunk.length - this.#at));
  }

  #slice(count: number): Buffer {
    this.#at += count;
    return this.#chunk.subarray(this.#at - count, this.#at);
  }
}

function truncated(): GantryError {
  return new GantryError('invalid', 'the archive is truncated');
}
