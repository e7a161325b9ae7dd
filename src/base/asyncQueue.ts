/** Items on their way from producers that must not wait to one consumer that takes them when it can. Counts what is in it. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  #limit: number;
  readonly #items: { readonly item: T; readonly size: number }[] = [];
  #size = 0;
  #taken = 0;
  #ended = false;
  #error: Error | undefined;
  #wakeConsumer: (() => void) | undefined;
  #drainWaiters: (() => void)[] = [];

  /** `limit` is in the unit of the sizes given to `push`. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#size >= this.#limit;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** How many items the consumer has taken so far: tells slow from stalled. */
  get taken(): number {
    return this.#taken;
  }

  /** Adds an item, also when the queue is full: the producer looks at `isFull`. False when the queue has ended. */
  push(item: T, size: number): boolean {
    if (this.#ended) return false;
    this.#items.push({ item, size });
    this.#size += size;
    this.#wake();
    return true;
  }

  /** Nothing will follow: the consumer takes what is there, then ends, or fails with `error`. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake();
    this.#drain();
  }

  /** Ends at once and forgets what is there; with `error` the consumer fails with it. */
  discard(error?: Error): void {
    this.#items.length = 0;
    this.#size = 0;
    this.end(error);
  }

  /** Nobody is to wait for the consumer any more: from now on the queue is never full. */
  lift(): void {
    this.#limit = Number.POSITIVE_INFINITY;
    this.#drain();
  }

  /** Resolves when there is room again or the queue has ended. */
  async room(): Promise<void> {
    if (!this.isFull || this.#ended) return;
    await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      for (;;) {
        const next = this.#items.shift();
        if (next !== undefined) {
          this.#size -= next.size;
          this.#taken++;
          if (!this.isFull) this.#drain();
          yield next.item;
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
        }
      }
    } finally {
      this.discard();
    }
  }

  #wake(): void {
    this.#wakeConsumer?.();
    this.#wakeConsumer = undefined;
  }

  #drain(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
