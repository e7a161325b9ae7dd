/** Items on their way from producers that must not wait to one consumer that takes them when it can. Counts what is in it. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #ended = false;
  #error: Error | undefined;
  #wakeConsumer: (() => void) | undefined;

  /** `limit` is how many items may wait. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#limit;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Adds an item, also when the queue is full: the producer looks at `isFull`. */
  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#wake();
  }

  /** Nothing will follow: the consumer takes what is there, then ends, or fails with `error`. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** Ends at once and forgets what is there; with `error` the consumer fails with it. */
  discard(error?: Error): void {
    this.#items.length = 0;
    this.end(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      for (;;) {
        const next = this.#items.shift();
        if (next !== undefined) {
          yield next;
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
}
