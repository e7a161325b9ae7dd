import { type Clock, longestTimerMs } from '../base/index.ts';
import { BlockDecoder, type FileFormat } from './fileFormat.ts';
import type { LogFeed } from './logFeed.ts';
import { type LogSource, openSource } from './logSource.ts';
import type { LogEntry, LogReadOptions } from './types.ts';

export interface ReadRequest extends LogReadOptions {
  readonly path: string;
  readonly maxFiles: number;
  readonly format: FileFormat;
  readonly clock: Clock;
}

/** Rotated files that a follower who lags behind keeps open, and so on the disk; more rotations lose it the oldest. */
const mostFilesBehind = 16;

/** Entries, oldest first, many at a time; see LogReader for what it promises. */
export async function* readLogFiles(
  request: ReadRequest,
  feed: LogFeed,
  signal: AbortSignal,
): AsyncGenerator<readonly LogEntry[], void, void> {
  const reading = new Reading(request, feed, signal);
  try {
    yield* reading.batches();
  } finally {
    reading.close();
  }
}

class Reading {
  readonly #request: ReadRequest;
  readonly #feed: LogFeed;
  readonly #signal: AbortSignal;
  readonly #decoder: BlockDecoder;
  /** What was there at first and is still to be read, oldest first. */
  #sources: LogSource[] = [];
  /** The files that were begun since, oldest first. */
  readonly #later: LogSource[] = [];
  #unfollow: () => void = () => {};
  #wake: () => void = () => {};
  /** An entry after `untilNs` was seen: the rest is newer still. */
  #past = false;

  constructor(request: ReadRequest, feed: LogFeed, signal: AbortSignal) {
    this.#request = request;
    this.#feed = feed;
    this.#signal = signal;
    this.#decoder = new BlockDecoder(request.format);
  }

  async *batches(): AsyncGenerator<readonly LogEntry[], void, void> {
    const endBytes = this.#open();
    const newest = this.#sources.at(-1);
    await this.#seekTail(endBytes);
    while (!this.#isOver() && this.#sources[0] !== newest) {
      yield* this.#entries(undefined);
      this.#closeFirst();
    }
    yield* this.#entries(endBytes);
    if (this.#request.follow) yield* this.#follow();
  }

  close(): void {
    this.#unfollow();
    for (const source of [...this.#sources, ...this.#later]) source.close();
  }

  async *#follow(): AsyncGenerator<readonly LogEntry[], void, void> {
    while (!this.#isOver()) {
      const { isOpen, sizeBytes } = this.#feed;
      const isNewest = this.#later.length === 0;
      const hasPassed = this.#hasPassedUntil();
      // A file that has been rotated, or whose writer has closed, is complete.
      yield* this.#entries(isOpen && isNewest ? sizeBytes : undefined);
      if (this.#isOver()) return;
      if (!isNewest) this.#openNext();
      else if (!isOpen || hasPassed) return;
      else if (this.#isCaughtUp()) await this.#change();
    }
  }

  #isCaughtUp(): boolean {
    const { sizeBytes, isOpen } = this.#feed;
    return isOpen && this.#later.length === 0 && (this.#sources[0]?.offset ?? sizeBytes) >= sizeBytes;
  }

  #isOver(): boolean {
    return this.#past || this.#signal.aborted;
  }

  #hasPassedUntil(): boolean {
    const { untilNs, clock } = this.#request;
    return untilNs !== undefined && clock() > untilNs;
  }

  /** Opens all files in one turn, so that no rotation comes between. Gives the end of the newest. */
  #open(): number | undefined {
    const { path, maxFiles, follow } = this.#request;
    if (follow) {
      this.#unfollow = this.#feed.follow({ changed: () => this.#wake(), rotated: () => this.#rotated() });
    }
    for (let index = 0; index < maxFiles; index++) {
      const source = openSource(path, index);
      // A crash in the middle of a rotation leaves a gap.
      if (source !== undefined) this.#sources.unshift(source);
    }
    return this.#feed.isOpen ? this.#feed.sizeBytes : undefined;
  }

  /** Goes back from the newest file only as far as the tail reaches, and closes what is older. */
  async #seekTail(endBytes: number | undefined): Promise<void> {
    const { tail } = this.#request;
    if (tail === undefined) return;
    const newestFirst = this.#sources.toReversed();
    let missing = tail;
    let count = 0;
    for (const source of newestFirst) {
      if (count > 0 && missing === 0) break;
      missing = await source.seekTail(count === 0 ? endBytes : undefined, missing);
      count++;
    }
    while (this.#sources.length > count) this.#closeFirst();
  }

  #rotated(): void {
    const source = openSource(this.#request.path, 0);
    if (source !== undefined) this.#later.push(source);
    if (this.#later.length > mostFilesBehind) this.#later.shift()?.close();
  }

  #openNext(): void {
    this.#closeFirst();
    const next = this.#later.shift();
    if (next !== undefined) this.#sources.push(next);
  }

  #closeFirst(): void {
    this.#decoder.reset();
    this.#sources.shift()?.close();
  }

  /** Resolves at the next change, when `untilNs` has passed, or when the reading is aborted. */
  async #change(): Promise<void> {
    if (this.#signal.aborted) return;
    const { promise, resolve: wake } = Promise.withResolvers<void>();
    const timer = this.#untilTimer(wake);
    const onAbort = (): void => wake();
    this.#wake = wake;
    this.#signal.addEventListener('abort', onAbort);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  #untilTimer(wake: () => void): NodeJS.Timeout | undefined {
    const { untilNs, clock } = this.#request;
    if (untilNs === undefined) return undefined;
    const waitMs = Number((untilNs - clock()) / 1_000_000n) + 1;
    return setTimeout(wake, Math.min(Math.max(waitMs, 1), longestTimerMs));
  }

  async *#entries(endBytes: number | undefined): AsyncGenerator<readonly LogEntry[], void, void> {
    const source = this.#sources[0];
    if (source === undefined || this.#isOver()) return;
    for await (const block of source.blocks(endBytes)) {
      const wanted = this.#select(this.#decoder.push(block));
      if (wanted.length > 0) yield wanted;
      if (this.#isOver()) return;
    }
  }

  #select(entries: readonly LogEntry[]): readonly LogEntry[] {
    const { sinceNs, untilNs } = this.#request;
    if (sinceNs === undefined && untilNs === undefined) return entries;
    const wanted: LogEntry[] = [];
    for (const entry of entries) {
      if (untilNs !== undefined && entry.timeNs > untilNs) {
        this.#past = true;
        break;
      }
      if (sinceNs === undefined || entry.timeNs >= sinceNs) wanted.push(entry);
    }
    return wanted;
  }
}
