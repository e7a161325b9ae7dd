interface Change {
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers the changes of one turn of the event loop into one transaction, since each costs the disk a write. */
export class RecordWriter {
  readonly #transaction: (work: () => void) => void;
  #waiting: Change[] = [];

  constructor(transaction: (work: () => void) => void) {
    this.#transaction = transaction;
  }

  /** Resolves when the change is durable; fails together with the others of its turn. */
  write(apply: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push({ apply, resolve, reject });
    return promise;
  }

  #flush(): void {
    const changes = this.#waiting;
    this.#waiting = [];
    try {
      this.#transaction(() => {
        for (const change of changes) change.apply();
      });
      for (const change of changes) change.resolve();
    } catch (error) {
      for (const change of changes) change.reject(error);
    }
  }
}
