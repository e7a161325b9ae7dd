import { closeSync, fstatSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { findTail, openIfPresent, readAt } from './logFiles.ts';

const blockBytes = 256 * 1024;
const lineFeed = 10;

/** One file of a log, opened: it stays readable when it is rotated, compressed or removed meanwhile. */
export interface LogSource {
  /** How far it has been read. */
  readonly offset: number;
  /** What follows, up to `endBytes` or else to the end; may be called again when the file has grown. Blocks are the caller's. */
  blocks(endBytes: number | undefined): AsyncIterable<Buffer>;
  /** Moves to the last `lines` lines before `endBytes`; gives how many are missing to that count. */
  seekTail(endBytes: number | undefined, lines: number): Promise<number>;
  close(): void;
}

/** Opens the file that is `index` rotations old; undefined when there is none. */
export function openSource(path: string, index: number): LogSource | undefined {
  const plain = openIfPresent(index === 0 ? path : `${path}.${index}`);
  if (plain !== undefined) return new PlainSource(plain);
  const compressed = index === 0 ? undefined : openIfPresent(`${path}.${index}.gz`);
  return compressed === undefined ? undefined : new CompressedSource(compressed);
}

class PlainSource implements LogSource {
  readonly #fd: number;
  #offset = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get offset(): number {
    return this.#offset;
  }

  async *blocks(endBytes: number | undefined): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const length = Math.min(blockBytes, endBytes === undefined ? blockBytes : endBytes - this.#offset);
      if (length <= 0) return;
      const buffer = Buffer.allocUnsafe(length);
      const bytesRead = await readAt(this.#fd, buffer, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async seekTail(endBytes: number | undefined, lines: number): Promise<number> {
    const { offset, missing } = await findTail(this.#fd, endBytes ?? fstatSync(this.#fd).size, lines);
    this.#offset = offset;
    return missing;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A rotated, compressed file: complete, and read once. Where it is damaged it ends. */
class CompressedSource implements LogSource {
  readonly #fd: number;
  /** Lines to leave out at the beginning. */
  #skipLines = 0;
  #offset = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get offset(): number {
    return this.#offset;
  }

  async *blocks(): AsyncGenerator<Buffer, void, void> {
    if (this.#offset > 0) return;
    for await (const block of this.#text()) {
      this.#offset += block.length;
      const start = this.#skip(block);
      if (start < block.length) yield block.subarray(start);
    }
  }

  async seekTail(_endBytes: number | undefined, lines: number): Promise<number> {
    let count = 0;
    for await (const block of this.#text()) {
      for (let at = block.indexOf(lineFeed); at >= 0; at = block.indexOf(lineFeed, at + 1)) count++;
    }
    this.#skipLines = Math.max(count - lines, 0);
    return Math.max(lines - count, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #skip(block: Buffer): number {
    let start = 0;
    while (this.#skipLines > 0) {
      const at = block.indexOf(lineFeed, start);
      if (at < 0) return block.length;
      this.#skipLines--;
      start = at + 1;
    }
    return start;
  }

  async *#text(): AsyncGenerator<Buffer, void, void> {
    const text = createGunzip();
    // Its failure reaches the reader of `text`, too.
    const fed = pipeline(new PlainSource(this.#fd).blocks(undefined), text).catch(() => {});
    try {
      for await (const block of text as AsyncIterable<Buffer>) yield block;
    } catch (error) {
      if (!isDamage(error)) throw error;
    } finally {
      text.destroy();
      await fed;
    }
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}
