import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

import { Compressor } from './compressor.ts';
import type { FileFormat } from './fileFormat.ts';
import type { LogFeed } from './logFeed.ts';
import { type FileSettings, shiftFiles, wholeLinesBytes } from './logFiles.ts';
import type { CutOutput, LogSink } from './types.ts';

export interface FileSinkOptions extends FileSettings {
  readonly path: string;
  readonly format: FileFormat;
  /** Put on every entry, where the format keeps them. */
  readonly attributes: Readonly<Record<string, string>>;
}

const lineFeed = 10;
const ready = Promise.resolve();

/** Opens a log's files for one run of a container, cutting off a line that a crash has torn. */
export async function openFileSink(options: FileSinkOptions, feed: LogFeed): Promise<LogSink> {
  const fd = openToAppend(options.path);
  try {
    const sizeBytes = await wholeLinesBytes(fd, options.path);
    ftruncateSync(fd, sizeBytes);
    return new FileSink(options, feed, fd, sizeBytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openToAppend(path: string): number {
  return openSync(path, 'a+', 0o640);
}

/**
 * Writes synchronously, in the turn of the event loop in which the output was read: a write into the page cache takes a few tens
 * of microseconds, a trip to the thread pool many times as much, and a daemon that is killed has next to nothing in hand.
 * A failure of the disk loses what was to be written, is thrown, and leaves whole lines behind.
 */
class FileSink implements LogSink {
  readonly #options: FileSinkOptions;
  readonly #feed: LogFeed;
  readonly #encode: (output: CutOutput) => Buffer;
  readonly #compressor: Compressor | undefined;
  #fd: number;
  #failure: unknown;

  constructor(options: FileSinkOptions, feed: LogFeed, fd: number, sizeBytes: number) {
    const { path, maxFiles, compress } = options;
    this.#options = options;
    this.#feed = feed;
    this.#fd = fd;
    this.#encode = options.format.encoder(options.attributes);
    const keep = (error: unknown): void => {
      this.#failure ??= error;
    };
    this.#compressor = compress && maxFiles > 1 ? new Compressor(path, maxFiles, keep) : undefined;
    feed.sizeBytes = sizeBytes;
    feed.isOpen = true;
  }

  accept(output: CutOutput): Promise<void> {
    try {
      this.#write(this.#encode(output));
    } catch (error) {
      this.#failure ??= error;
      this.#cutTornLine();
    }
    this.#feed.announce();
    return this.#failure === undefined ? ready : this.#throwFailure();
  }

  async close(): Promise<void> {
    this.#feed.isOpen = false;
    closeSync(this.#fd);
    this.#feed.announce();
    await this.#compressor?.idle();
    await this.#throwFailure();
  }

  async #throwFailure(): Promise<void> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #write(lines: Buffer): void {
    for (let offset = 0; offset < lines.length;) {
      const end = this.#endOfRoom(lines, offset);
      this.#append(lines.subarray(offset, end));
      offset = end;
    }
  }

  /** How much of `lines` still goes into the file: the line that reaches the limit is the last. Rotates when there is no room. */
  #endOfRoom(lines: Buffer, offset: number): number {
    const { maxSizeBytes } = this.#options;
    if (maxSizeBytes === undefined) return lines.length;
    if (this.#feed.sizeBytes >= maxSizeBytes) this.#rotate();
    const roomEnd = offset + maxSizeBytes - this.#feed.sizeBytes;
    return roomEnd >= lines.length ? lines.length : lines.indexOf(lineFeed, roomEnd - 1) + 1;
  }

  #append(lines: Buffer): void {
    for (let offset = 0; offset < lines.length;) offset += writeSync(this.#fd, lines, offset);
    this.#feed.sizeBytes += lines.length;
  }

  #rotate(): void {
    const { path, maxFiles } = this.#options;
    shiftFiles(path, maxFiles);
    const next = openToAppend(path);
    closeSync(this.#fd);
    this.#fd = next;
    this.#feed.sizeBytes = 0;
    this.#feed.announceRotation();
    this.#compressor?.rotated();
  }

  #cutTornLine(): void {
    try {
      ftruncateSync(this.#fd, this.#feed.sizeBytes);
    } catch {
      // The disk is failing; readers skip a torn line, and the next open cuts it.
    }
  }
}
