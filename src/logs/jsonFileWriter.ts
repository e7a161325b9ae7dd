import { type FileHandle, open } from 'node:fs/promises';

import { type Clock, formatTime } from '../base/index.ts';
import { EntryEncoder } from './entryEncoder.ts';
import type { LogFeed } from './logFeed.ts';
import { compressFile, shiftFiles, wholeLinesBytes } from './logFiles.ts';
import type { LogWriter } from './types.ts';

export interface JsonFileOptions {
  readonly path: string;
  /** Undefined: never rotated. */
  readonly maxSizeBytes: number | undefined;
  readonly maxFiles: number;
  readonly compress: boolean;
  /** Put on every entry. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** Encoded output that may wait for the disk before the container has to. */
const highWaterBytes = 1 << 20;
const lineFeed = 10;
const ready = Promise.resolve();

/** Opens the log for one run of a container, cutting off a line that a crash has torn. */
export async function openJsonFileWriter(options: JsonFileOptions, feed: LogFeed): Promise<LogWriter> {
  return feed.exclusively(async () => {
    const file = await openToAppend(options.path);
    try {
      const sizeBytes = await wholeLinesBytes(file);
      await file.truncate(sizeBytes);
      return new JsonFileWriter(options, feed, file, sizeBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

async function openToAppend(path: string): Promise<FileHandle> {
  return open(path, 'a+', 0o640);
}

/**
 * Gathers what is written during a turn of the event loop and writes it at one go. A failure of the disk loses what was to be
 * written, is thrown by the next call, and leaves whole lines behind.
 */
class JsonFileWriter implements LogWriter {
  readonly #options: JsonFileOptions;
  readonly #feed: LogFeed;
  readonly #encoder: EntryEncoder;
  #file: FileHandle;
  #batch: Buffer[] = [];
  #batchBytes = 0;
  #flushing: Promise<void> | undefined;
  #compressing: Promise<void> = ready;
  #failure: unknown;

  constructor(options: JsonFileOptions, feed: LogFeed, file: FileHandle, sizeBytes: number) {
    this.#options = options;
    this.#feed = feed;
    this.#file = file;
    this.#encoder = new EntryEncoder(options.attributes);
    feed.sizeBytes = sizeBytes;
    feed.isOpen = true;
    feed.flush = () => this.#flushing ?? ready;
  }

  write(stream: 'stdout' | 'stderr', data: Uint8Array): Promise<void> {
    this.#add(this.#encoder.encode(stream, data, formatTime(this.#options.clock())));
    if (this.#failure !== undefined) return this.#throwFailure();
    return this.#batchBytes < highWaterBytes ? ready : this.#flushed();
  }

  async close(): Promise<void> {
    this.#add(this.#encoder.flush(formatTime(this.#options.clock())));
    await this.#flushing;
    await this.#compressing;
    await this.#feed.exclusively(async () => {
      this.#feed.isOpen = false;
      this.#feed.flush = async () => {};
      await this.#file.close();
    });
    this.#feed.announce();
    await this.#throwFailure();
  }

  async #flushed(): Promise<void> {
    await this.#flushing;
    await this.#throwFailure();
  }

  async #throwFailure(): Promise<void> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #add(encoded: readonly Buffer[]): void {
    for (const lines of encoded) {
      this.#batch.push(lines);
      this.#batchBytes += lines.length;
    }
    if (this.#batch.length > 0) this.#flushing ??= this.#flushSoon();
  }

  async #flushSoon(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.#feed.exclusively(async () => {
      while (this.#batch.length > 0) {
        const lines = this.#batch.length === 1 ? this.#batch[0] : Buffer.concat(this.#batch);
        this.#batch = [];
        this.#batchBytes = 0;
        if (lines !== undefined) await this.#writeLines(lines);
      }
      this.#flushing = undefined;
    });
  }

  async #writeLines(lines: Buffer): Promise<void> {
    try {
      for (let offset = 0; offset < lines.length;) {
        const end = await this.#endOfRoom(lines, offset);
        await this.#append(lines.subarray(offset, end));
        offset = end;
      }
    } catch (error) {
      this.#failure ??= error;
      await this.#cutTornLine();
    }
  }

  /** How much of `lines` still goes into the file: the line that reaches the limit is the last. Rotates when there is no room. */
  async #endOfRoom(lines: Buffer, offset: number): Promise<number> {
    const { maxSizeBytes } = this.#options;
    if (maxSizeBytes === undefined) return lines.length;
    if (this.#feed.sizeBytes >= maxSizeBytes) await this.#rotate();
    const roomEnd = offset + maxSizeBytes - this.#feed.sizeBytes;
    return roomEnd >= lines.length ? lines.length : lines.indexOf(lineFeed, roomEnd - 1) + 1;
  }

  async #append(lines: Buffer): Promise<void> {
    for (let offset = 0; offset < lines.length;) {
      const { bytesWritten } = await this.#file.write(lines, offset);
      offset += bytesWritten;
    }
    this.#feed.sizeBytes += lines.length;
    this.#feed.announce();
  }

  async #rotate(): Promise<void> {
    const { path, maxFiles, compress } = this.#options;
    await this.#compressing;
    await shiftFiles(path, maxFiles);
    const next = await openToAppend(path);
    await this.#file.close();
    this.#file = next;
    this.#feed.generation++;
    this.#feed.sizeBytes = 0;
    if (compress && maxFiles > 1) {
      this.#compressing = compressFile(`${path}.1`).catch((error: unknown) => {
        this.#failure ??= error;
      });
    }
  }

  async #cutTornLine(): Promise<void> {
    try {
      await this.#file.truncate(this.#feed.sizeBytes);
    } catch {
      // The disk is failing; readers skip a torn line, and the next open cuts it.
    }
  }
}
