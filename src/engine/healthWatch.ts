import type { Health } from '../containers/index.ts';

import { Slots } from './slots.ts';

/** What the watch needs of a store: health by container id. What a crash takes back of it, the next probes find again. */
export interface HealthRecords {
  get(id: string): Health | undefined;
  put(id: string, health: Health): void;
  delete(id: string): void;
}

/** Probes of all containers that are being started at one time: a start costs some processor, whoever waits for it. */
const concurrentStarts = 8;

/** Probes a container until the signal says that it is enough. `waitedMs` of the wait for the first probe are over. */
export type ProbeLoop = (signal: AbortSignal, waitedMs: number) => Promise<void>;

interface Watched {
  readonly loop: ProbeLoop;
  /** Aborted while it is suspended. */
  abort: AbortController;
}

/** The health of containers, and which of them are being probed now. */
export class HealthWatch {
  readonly #records: HealthRecords;
  readonly #watched = new Map<string, Watched>();
  readonly #starts = new Slots(concurrentStarts);
  #isClosed = false;

  constructor(records: HealthRecords) {
    this.#records = records;
  }

  /** Undefined for a container without a check, and for one that has never run. */
  get(id: string): Health | undefined {
    return this.#records.get(id);
  }

  put(id: string, health: Health): void {
    this.#records.put(id, health);
  }

  /** Watches a container from now on; an earlier watch is over. Never begins once the daemon stops. */
  watch(id: string, loop: ProbeLoop, waitedMs: number): void {
    this.unwatch(id);
    if (this.#isClosed) return;
    const abort = new AbortController();
    this.#watched.set(id, { loop, abort });
    void loop(abort.signal, waitedMs);
  }

  /** Until `resume`, nothing is probed: the container is paused. */
  suspend(id: string): void {
    this.#watched.get(id)?.abort.abort();
  }

  resume(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined || !watched.abort.signal.aborted) return;
    watched.abort = new AbortController();
    void watched.loop(watched.abort.signal, 0);
  }

  unwatch(id: string): void {
    this.suspend(id);
    this.#watched.delete(id);
  }

  forget(id: string): void {
    this.unwatch(id);
    this.#records.delete(id);
  }

  /** Starts a probe when it is its turn. */
  startProbe<T>(start: () => Promise<T>): Promise<T> {
    return this.#starts.run(start);
  }

  /** The daemon stops: containers go on, and so does their health as the next daemon finds it. */
  close(): void {
    this.#isClosed = true;
    for (const id of this.#watched.keys()) this.unwatch(id);
  }
}
