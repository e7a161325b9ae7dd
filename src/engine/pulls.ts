import type { ProgressMessage } from '../api/index.ts';
import { GantryError } from '../base/index.ts';

import { Slots } from './slots.ts';

type Report = (message: ProgressMessage) => void;

interface SharedPull {
  readonly abort: AbortController;
  readonly reports: Set<Report>;
  /** What a client that joins late is told first: the last word on each layer. */
  readonly soFar: Map<string, ProgressMessage>;
  readonly done: Promise<void>;
}

/**
 * Pulls under way. Clients that ask for the same thing share one pull; it goes on until it is done or the last of them has
 * gone. Layers and blobs that a pull counts on are held: nobody's clean-up takes them meanwhile.
 */
export class Pulls {
  readonly #byKey = new Map<string, SharedPull>();
  readonly #held = new Map<string, number>();
  readonly #slots: Slots;

  constructor(maxConcurrentDownloads: number) {
    this.#slots = new Slots(maxConcurrentDownloads);
  }

  /** Joins the pull `key`, or begins it with `work`. */
  async join(
    key: string,
    report: Report,
    signal: AbortSignal,
    work: (report: Report, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const pull = this.#byKey.get(key) ?? this.#begin(key, work);
    for (const message of pull.soFar.values()) report(message);
    pull.reports.add(report);
    const { promise: left, reject: leave } = Promise.withResolvers<never>();
    const onAbort = (): void => leave(new GantryError('cancelled', 'the client has gone'));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) onAbort();
      await Promise.race([pull.done, left]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      pull.reports.delete(report);
      if (pull.reports.size === 0) pull.abort.abort();
    }
  }

  /** Runs one download when a slot is free: there are as many as the daemon's option says, for all pulls together. */
  download<T>(work: () => Promise<T>): Promise<T> {
    return this.#slots.run(work);
  }

  /** Keeps `keys` (digests, chain ids) from being cleaned up until what it returns is called. */
  hold(keys: Iterable<string>): () => void {
    const held = [...keys];
    for (const key of held) this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return () => {
      for (const key of held.splice(0)) {
        const left = (this.#held.get(key) ?? 0) - 1;
        if (left > 0) this.#held.set(key, left);
        else this.#held.delete(key);
      }
    };
  }

  /** Whether a download that is asked for now has to wait. */
  get isBusy(): boolean {
    return this.#slots.isFull;
  }

  /** Whether no pull is under way. */
  get isIdle(): boolean {
    return this.#byKey.size === 0;
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  #begin(key: string, work: (report: Report, signal: AbortSignal) => Promise<void>): SharedPull {
    const abort = new AbortController();
    const reports = new Set<Report>();
    const soFar = new Map<string, ProgressMessage>();
    const tell: Report = (message) => {
      soFar.set(message.id ?? message.status ?? '', message);
      for (const report of reports) report(message);
    };
    // Begins in a later turn: the first client must be listening.
    const done = Promise.resolve()
      .then(() => work(tell, abort.signal))
      .finally(() => {
        if (this.#byKey.get(key) === pull) this.#byKey.delete(key);
      });
    done.catch(() => {});
    const pull: SharedPull = { abort, reports, soFar, done };
    abort.signal.addEventListener('abort', () => {
      if (this.#byKey.get(key) === pull) this.#byKey.delete(key);
    });
    this.#byKey.set(key, pull);
    return pull;
  }
}
