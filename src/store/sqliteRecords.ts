import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { GantryError, messageOf } from '../base/index.ts';
import type { RecordCollection, RecordDatabase } from './records.ts';

/**
 * Steps from one schema version (`PRAGMA user_version`) to the next; step N leads from N to N + 1. Collections make their
 * own tables; a step is for what changes in tables that are there. Steps are never edited once released.
 */
const migrations: readonly ((database: DatabaseSync) => void)[] = [
  // Version 1 has nothing but the collections' tables: key, and value as JSON.
  () => {},
];

/**
 * Opens the records in the SQLite file `path`, making it when it is not there. The file belongs to this process until
 * `close`: a second opening throws `conflict`. A file of a later schema version throws `invalid`, one that cannot be read
 * `internal`.
 */
export function openRecords(path: string): RecordDatabase {
  const database = new DatabaseSync(path);
  try {
    claim(database, path);
    migrate(database, path);
    reserveSpace(database);
    return new SqliteRecords(database);
  } catch (error) {
    database.close();
    throw error instanceof GantryError ? error : unreadable(`the records in ${path}`, error);
  }
}

/** What is there is not taken for nothing: then all that belongs to the records would be swept. */
function unreadable(what: string, cause: unknown): GantryError {
  return new GantryError('internal', `${what} cannot be read: ${messageOf(cause)}`, {
    cause,
    hint: 'Put a copy of the data root back, or start with a data root that is empty.',
  });
}

function claim(database: DatabaseSync, path: string): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    if (!/locked/.test(messageOf(error))) throw error;
    throw new GantryError('conflict', `the records in ${path} are in use by another daemon`, {
      cause: error,
      hint: 'Give this daemon a data root of its own.',
    });
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > migrations.length)
    throw new GantryError(
      'invalid',
      `the records in ${path} have version ${version}; this daemon knows ${migrations.length}`,
      {
        hint: 'Start a daemon that is as new as the one that wrote them.',
      },
    );
  for (const [at, step] of migrations.entries()) {
    if (at < version) continue;
    database.exec('BEGIN IMMEDIATE');
    step(database);
    database.exec(`PRAGMA user_version = ${at + 1}; COMMIT`);
  }
}

const pageBytes = 4096;
/** Of the write-ahead log, and as many of the database itself. */
const reservedPages = 256;

/**
 * Makes the log and the database larger than they need to be: changes then write over what is theirs already, so that a
 * container can be stopped and removed on a full disk, which is how it is emptied. On a disk that is full by now nothing is
 * reserved.
 */
function reserveSpace(database: DatabaseSync): void {
  // Nothing of it has to be on the disk, only in the file.
  database.exec(`PRAGMA wal_autocheckpoint = ${reservedPages}; PRAGMA synchronous = NORMAL`);
  try {
    database.exec(`CREATE TABLE IF NOT EXISTS reserve (bytes BLOB NOT NULL) STRICT;
      INSERT INTO reserve VALUES (zeroblob(${reservedPages * pageBytes}))`);
    database.exec('DELETE FROM reserve; PRAGMA shrink_memory');
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  database.exec('PRAGMA synchronous = FULL');
}

/** SQLITE_FULL, or the system's own refusal to make the log longer. */
function isFull(error: unknown): boolean {
  return error instanceof Error && /disk is full|disk I\/O error/.test(error.message);
}

/** How long a change may wait for a durable one to go to the disk with. */
const laterMs = 1000;

/** What memory held before a transaction first changed a collection. */
type Savepoint = Map<SqliteCollection<unknown>, Map<string, unknown>>;

class SqliteRecords implements RecordDatabase {
  readonly #database: DatabaseSync;
  readonly #collections = new Map<string, SqliteCollection<unknown>>();
  /** One for each transaction that is open, the outermost first. */
  readonly #savepoints: Savepoint[] = [];
  /** Statements that wait for the next durable change, in their order. */
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  collection<T>(name: string): RecordCollection<T> {
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) throw new GantryError('internal', `${name} is no name for a collection`);
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = new SqliteCollection(this.#database, name, {
        before: (changed) => this.#beforeChange(changed),
        now: (statement) => this.#runNow(statement),
        later: (statement) => this.#runLater(statement),
      });
      this.#collections.set(name, collection);
    }
    return collection as RecordCollection<unknown> as RecordCollection<T>;
  }

  /** May be nested; an inner one that throws takes back its own changes only. */
  transaction<T>(work: () => T): T {
    const depth = this.#savepoints.length;
    this.#database.exec(depth === 0 ? 'BEGIN IMMEDIATE' : `SAVEPOINT s${depth}`);
    this.#savepoints.push(new Map());
    try {
      if (depth === 0) for (const statement of this.#waiting) statement();
      const result = work();
      if (result instanceof Promise) throw new GantryError('internal', 'a transaction cannot be asynchronous');
      this.#database.exec(depth === 0 ? 'COMMIT' : `RELEASE s${depth}`);
      if (depth === 0) this.#waiting = [];
      this.#keepChanges();
      return result;
    } catch (error) {
      this.#takeBack(depth);
      throw error;
    }
  }

  close(): void {
    if (!this.#database.isOpen) return;
    try {
      this.#flush();
    } finally {
      this.#database.close();
    }
  }

  #runNow(statement: () => void): void {
    if (this.#waiting.length === 0 || this.#savepoints.length > 0) statement();
    else this.transaction(statement);
  }

  #runLater(statement: () => void): void {
    if (this.#savepoints.length > 0) return statement();
    this.#waiting.push(statement);
    this.#flushLater();
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => {
      try {
        this.#flush();
      } catch {
        // What waits can wait on: the next durable change meets the same trouble, and its client is told.
        this.#flushLater();
      }
    }, laterMs).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length > 0 && this.#database.isOpen) this.transaction(() => {});
  }

  #beforeChange(collection: SqliteCollection<unknown>): void {
    const savepoint = this.#savepoints.at(-1);
    if (savepoint !== undefined && !savepoint.has(collection)) savepoint.set(collection, collection.copy());
  }

  /** The changes of an inner transaction are now the outer one's to take back. */
  #keepChanges(): void {
    const inner = this.#savepoints.pop();
    const outer = this.#savepoints.at(-1);
    if (inner === undefined || outer === undefined) return;
    for (const [collection, before] of inner) if (!outer.has(collection)) outer.set(collection, before);
  }

  #takeBack(depth: number): void {
    for (const [collection, before] of this.#savepoints.pop() ?? []) collection.restore(before);
    if (depth > 0) this.#database.exec(`ROLLBACK TO s${depth}; RELEASE s${depth}`);
    else if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }
}

/** What a collection asks for around its changes: `now` runs a statement durably, `later` with the next that is. */
interface ChangeHooks {
  readonly before: (changed: SqliteCollection<unknown>) => void;
  readonly now: (statement: () => void) => void;
  readonly later: (statement: () => void) => void;
}

class SqliteCollection<T> implements RecordCollection<T> {
  #records: Map<string, T>;
  readonly #change: ChangeHooks;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, name: string, change: ChangeHooks) {
    this.#change = change;
    database.exec(
      `CREATE TABLE IF NOT EXISTS ${name} (position INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL) STRICT`,
    );
    this.#put = database.prepare(
      `INSERT INTO ${name} (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    );
    this.#delete = database.prepare(`DELETE FROM ${name} WHERE key = ?`);
    const rows = database.prepare(`SELECT key, value FROM ${name} ORDER BY position`).all();
    this.#records = new Map(rows.map((row) => [String(row['key']), parsed(name, row) as T]));
  }

  get size(): number {
    return this.#records.size;
  }

  get(key: string): T | undefined {
    return this.#records.get(key);
  }

  has(key: string): boolean {
    return this.#records.has(key);
  }

  values(): Iterable<T> {
    return this.#records.values();
  }

  entries(): Iterable<readonly [string, T]> {
    return this.#records.entries();
  }

  /** Memory gets what a restart would load, so that a value's later fate cannot depend on when the daemon started. */
  put(key: string, value: T): void {
    this.#putBy(this.#change.now, key, value);
  }

  delete(key: string): void {
    this.#deleteBy(this.#change.now, key);
  }

  putLater(key: string, value: T): void {
    this.#putBy(this.#change.later, key, value);
  }

  deleteLater(key: string): void {
    this.#deleteBy(this.#change.later, key);
  }

  #putBy(run: (statement: () => void) => void, key: string, value: T): void {
    const text = JSON.stringify(value);
    this.#change.before(this);
    run(() => void this.#put.run(key, text));
    this.#records.set(key, JSON.parse(text) as T);
  }

  #deleteBy(run: (statement: () => void) => void, key: string): void {
    if (!this.#records.has(key)) return;
    this.#change.before(this);
    run(() => void this.#delete.run(key));
    this.#records.delete(key);
  }

  copy(): Map<string, T> {
    return new Map(this.#records);
  }

  restore(records: Map<string, unknown>): void {
    this.#records = records as Map<string, T>;
  }
}

function parsed(collection: string, row: Record<string, unknown>): unknown {
  try {
    return JSON.parse(String(row['value']));
  } catch (error) {
    throw unreadable(`the record ${String(row['key'])} of ${collection}`, error);
  }
}
