/**
 * What a log's writer and its readers in this process share: which file is written, how far, and a lock under which files are
 * opened and rotated. Generations count the files written since the daemon started: rotation begins a new one.
 */
export class LogFeed {
  /** Of the file that is being written. */
  generation = 0;
  /** Bytes of whole lines in it; meaningful while a writer is open. */
  sizeBytes = 0;
  isOpen = false;
  /** Writes out what the open writer holds back. */
  flush: () => Promise<void> = async () => {};
  #last: Promise<unknown> = Promise.resolve();
  readonly #waiters = new Set<() => void>();

  /** Runs `work` when nothing else holds the files. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }

  /** Wakes the readers that follow. */
  announce(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  /** Resolves at the next change, or when `signal` aborts. */
  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiters.add(wake);
    signal.addEventListener('abort', wake);
    try {
      await promise;
    } finally {
      this.#waiters.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }
}
