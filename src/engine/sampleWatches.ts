/** One who looks at samples. */
export interface SampleWatch<T> {
  /** Counts now. Called once an interval, however many look. Where it throws, all go without a sample; the first one's is thrown. */
  readonly take: () => T;
  /** Told of every sample: of the latest one at once, when there is one. */
  readonly onSample: (sample: T) => void;
}

interface Watched<T> {
  readonly listeners: Set<(sample: T) => void>;
  readonly timer: NodeJS.Timeout;
  latest: T;
}

/** Samples by key, each taken once an interval while somebody looks, and shared by all who do. */
export class SampleWatches<T> {
  readonly #watched = new Map<string, Watched<T>>();
  readonly #intervalMs: number;

  constructor(intervalMs = 1000) {
    this.#intervalMs = intervalMs;
  }

  /** How many keys are looked at. */
  get size(): number {
    return this.#watched.size;
  }

  /** Begins to look, until the returned function is called: the first sample comes before this returns. */
  watch(key: string, { take, onSample }: SampleWatch<T>): () => void {
    const watched = this.#watched.get(key) ?? this.#begin(key, take);
    // A function of its own, so that the same listener may look twice.
    const listener = (sample: T): void => onSample(sample);
    watched.listeners.add(listener);
    listener(watched.latest);
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size === 0) this.#end(key, watched);
    };
  }

  #begin(key: string, take: () => T): Watched<T> {
    const listeners = new Set<(sample: T) => void>();
    const latest = take();
    const timer = setInterval(() => {
      try {
        watched.latest = take();
      } catch {
        // A host that is short of descriptors for a moment: the next sample is an interval away.
        return;
      }
      for (const listener of listeners) listener(watched.latest);
    }, this.#intervalMs);
    const watched: Watched<T> = { listeners, timer, latest };
    this.#watched.set(key, watched);
    return watched;
  }

  #end(key: string, watched: Watched<T>): void {
    clearInterval(watched.timer);
    if (this.#watched.get(key) === watched) this.#watched.delete(key);
  }
}
