/**
 * Durable records by key: the truth is served from memory and written through to SQLite before a change is acknowledged.
 * Values are plain JSON; callers treat what they get as immutable and put a new value to change it.
 */
export interface RecordCollection<T> {
  get(key: string): T | undefined;
  has(key: string): boolean;
  values(): Iterable<T>;
  entries(): Iterable<readonly [string, T]>;
  readonly size: number;
  /** Durable when it returns, with all changes made before it. */
  put(key: string, value: T): void;
  delete(key: string): void;
  /**
   * As `put` and `delete`, but on the disk only with the next durable change, or within a second: a crash may take it back.
   * For what the next start finds and settles anyway, since each durable change costs the disk a write.
   */
  putLater(key: string, value: T): void;
  deleteLater(key: string): void;
}

export interface RecordDatabase {
  /** Opens a collection; its name is a SQL identifier. Loads all of it. */
  collection<T>(name: string): RecordCollection<T>;
  /** Several puts and deletes as one atomic, durable change. */
  transaction<T>(work: () => T): T;
  close(): void;
}
