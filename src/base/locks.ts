/** Mutual exclusion by key: operations on one key run one after the other, in the order in which they asked. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` when every earlier holder of `key` has finished; what it returns or throws is passed on. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    this.#tails.set(key, done);
    if (before !== undefined) await before;
    try {
      return await work();
    } finally {
      finish();
      if (this.#tails.get(key) === done) this.#tails.delete(key);
    }
  }
}
