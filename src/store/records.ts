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
  /** Durable when it returns. */
  put(key: string, value: T): void;
  delete(key: string): void;
}

export interface RecordDatabase {
  /** Opens a collection; its name is a SQL identifier. Loads all of it. */
  collection<T>(name: string): RecordCollection<T>;
  /** Several puts and deletes as one atomic, durable change. */
  transaction<T>(work: () => T): T;
  close(): void;
}
