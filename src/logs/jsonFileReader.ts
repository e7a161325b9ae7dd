import { EntryDecoder } from './entryDecoder.ts';
import type { LogFeed } from './logFeed.ts';
import { type LogSource, openSource } from './logSource.ts';
import type { LogEntry, LogReadOptions } from './types.ts';

export interface ReadRequest extends LogReadOptions {
  readonly path: string;
  readonly maxFiles: number;
}

/** Entries, oldest first, many at a time; see LogReader for what it promises. */
export async function* readJsonFileLog(
  request: ReadRequest,
  feed: LogFeed,
  signal: AbortSignal,
): AsyncGenerator<readonly LogEntry[], void, void> {
  const reading = new Reading(request, feed, signal);
  try {
    yield* reading.batches();
  } finally {
    await reading.close();
  }
}

class Reading {
  readonly #request: ReadRequest;
  readonly #feed: LogFeed;
  readonly #signal: AbortSignal;
  readonly #decoder = new EntryDecoder();
  /** Still to be read, oldest first; the last one is the file of `#generation`. */
  readonly #sources: LogSource[] = [];
  #generation = 0;
  /** An entry after `untilNs` was seen: the rest is newer still. */
  #past = false;

  constructor(request: ReadRequest, feed: LogFeed, signal: AbortSignal) {
    this.#request = request;
    this.#feed = feed;
    this.#signal = signal;
  }

  async *batches(): AsyncGenerator<readonly LogEntry[], void, void> {
    await this.#feed.flush();
    const endBytes = await this.#feed.exclusively(() => this.#open());
    while (this.#sources.length > 1) {
      yield* this.#entries(undefined);
      if (this.#isOver()) return;
      await this.#closeFirst();
    }
    yield* this.#entries(endBytes);
    if (this.#request.follow) yield* this.#follow();
  }

  async close(): Promise<void> {
    while (this.#sources.length > 0) await this.#closeFirst();
  }

  async *#follow(): AsyncGenerator<readonly LogEntry[], void, void> {
    while (!this.#isOver()) {
      const { generation, isOpen, sizeBytes } = this.#feed;
      const rotated = generation !== this.#generation;
      // A file that has been rotated, or whose writer has closed, is complete.
      yield* this.#entries(isOpen && !rotated ? sizeBytes : undefined);
      if (this.#isOver()) return;
      if (rotated) await this.#openNext();
      else if (!isOpen) return;
      else if (this.#isCaughtUp()) await this.#feed.change(this.#signal);
    }
  }

  #isCaughtUp(): boolean {
    const { generation, sizeBytes, isOpen } = this.#feed;
    return isOpen && generation === this.#generation && (this.#sources[0]?.offset ?? sizeBytes) >= sizeBytes;
  }

  #isOver(): boolean {
    return this.#past || this.#signal.aborted;
  }

  /** Opens what is to be read, newest first, only as far back as the tail reaches. Gives the end of the newest file. */
  async #open(): Promise<number | undefined> {
    const { path, maxFiles, tail } = this.#request;
    this.#generation = this.#feed.generation;
    const endBytes = this.#feed.isOpen ? this.#feed.sizeBytes : undefined;
    let missing = tail;
    for (let index = 0; index < maxFiles && (missing !== 0 || index === 0); index++) {
      const source = await openSource(path, index);
      // A crash in the middle of a rotation leaves a gap.
      if (source === undefined) continue;
      this.#sources.unshift(source);
      if (missing !== undefined) missing = await source.seekTail(index === 0 ? endBytes : undefined, missing);
    }
    return endBytes;
  }

  async #openNext(): Promise<void> {
    await this.#closeFirst();
    await this.#feed.exclusively(async () => {
      const newest = this.#feed.generation;
      while (this.#sources.length === 0 && this.#generation < newest) {
        this.#generation++;
        const source = await openSource(this.#request.path, newest - this.#generation);
        // Files that were dropped before this reader came to them are skipped.
        if (source !== undefined) this.#sources.push(source);
      }
    });
  }

  async #closeFirst(): Promise<void> {
    this.#decoder.reset();
    await this.#sources.shift()?.close();
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
