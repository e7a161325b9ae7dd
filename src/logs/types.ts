/** A container's log: written from its output, read by clients, rotated. */
export type LogStream = 'stdout' | 'stderr';

export interface LogEntry {
  readonly stream: LogStream;
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
  /** The last moment that is wanted; a follower ends when it has passed. */
  readonly untilNs: bigint | undefined;
  /** Entries from the end; undefined: all. */
  readonly tail: number | undefined;
}

export interface LogWriter {
  /** Takes output as it comes, splits it into lines (16 KiB at most, longer ones become partial entries). Resolves when more may come. */
  write(stream: LogStream, data: Uint8Array): Promise<void>;
  /** Flushes what is pending (an unfinished line too) and closes. */
  close(): Promise<void>;
}

/** Output that ends where an entry does: whole lines, or one partial entry's text. */
export interface CutOutput {
  readonly stream: LogStream;
  readonly data: Buffer;
  readonly isPartial: boolean;
  readonly timeNs: bigint;
}

/** Where a log's entries go: files, a syslog server, the journal. */
export interface LogSink {
  /** Resolves when more may come; rejects when something could not be delivered, after which more may come all the same. */
  accept(output: CutOutput): Promise<void>;
  /** Delivers what is held back, and closes. */
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
  /**
   * Throws `internal` when the options are wrong or what the driver needs is not there. For a container that runs already
   * (`resumes`), a receiver that is not there now is tried again later.
   */
  open(options?: { readonly resumes: boolean }): Promise<LogWriter>;
  /** Removes what is on disk. No writer may be open. */
  remove(): Promise<void>;
}

/** What tags and attributes are made from. */
export interface LogSubject {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
  /** The image's digest. */
  readonly imageId: string;
  /** As it was asked for. */
  readonly imageName: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value` each. */
  readonly environment: readonly string[];
}
