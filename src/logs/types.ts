/** A container's log: written from its output, read by clients, rotated. */
export interface LogEntry {
  readonly stream: 'stdout' | 'stderr';
  /** The line as the container wrote it, with its line end unless it is partial. */
  readonly data: Uint8Array;
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly partial: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface LogReadOptions {
  readonly follow: boolean;
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** Lines from the end; undefined: all. */
  readonly tail: number | undefined;
}

export interface LogWriter {
  /** Takes output as it comes, splits it into lines (16 KiB at most, longer ones become partial entries). Resolves when more may come. */
  write(stream: 'stdout' | 'stderr', data: Uint8Array): Promise<void>;
  /** Flushes what is pending (an unfinished line too) and closes. */
  close(): Promise<void>;
}

export interface LogReader {
  /** Entries in order; with `follow` ends when the writer has closed or `signal` aborts. */
  read(options: LogReadOptions, signal: AbortSignal): AsyncIterable<LogEntry>;
  /** The same entries as they come from the disk, many at a time: what to use for long logs. Batches are never empty. */
  readBatches(options: LogReadOptions, signal: AbortSignal): AsyncIterable<readonly LogEntry[]>;
}

/**
 * One container's log for as long as the daemon knows the container. It has one writer at a time, opened anew for every run, and
 * any number of readers, which follow the writer that is open.
 */
export interface ContainerLog extends LogReader {
  /** Where the newest entries are, for inspect's LogPath; empty when nothing is kept. */
  readonly path: string;
  open(): Promise<LogWriter>;
  /** Removes what is on disk. No writer may be open. */
  remove(): Promise<void>;
}
