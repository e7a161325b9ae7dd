/** What a wait reports: Docker's status code, and why a start failed. */
export interface WaitResult {
  readonly exitCode: number;
  readonly error: string;
}

type Moment = 'exit' | 'removed';

interface Waiter {
  readonly moment: Moment;
  readonly settle: (result: WaitResult) => void;
}

/** Those who wait for a container's next exit or for its removal. */
export class Waiters {
  readonly #byId = new Map<string, Set<Waiter>>();
  readonly #lastResult = new Map<string, WaitResult>();

  /** Resolves at the container's next `moment`; never when `signal` aborts first. A wait for an exit also ends with the removal. */
  next(id: string, moment: Moment, signal: AbortSignal): Promise<WaitResult> {
    const { promise, resolve } = Promise.withResolvers<WaitResult>();
    if (signal.aborted) return promise;
    const waiter: Waiter = { moment, settle: resolve };
    const waiting = this.#byId.get(id) ?? new Set();
    this.#byId.set(id, waiting.add(waiter));
    signal.addEventListener('abort', () => this.#forget(id, waiter), { once: true });
    return promise;
  }

  exited(id: string, result: WaitResult): void {
    if (this.#byId.has(id)) this.#lastResult.set(id, result);
    this.#settle(id, 'exit', result);
  }

  removed(id: string, fallback: WaitResult): void {
    const result = this.#lastResult.get(id) ?? fallback;
    this.#settle(id, 'exit', result);
    this.#settle(id, 'removed', result);
    this.#lastResult.delete(id);
  }

  /** Its removal has failed: who waits for that is told so. */
  removalFailed(id: string, result: WaitResult): void {
    this.#settle(id, 'removed', result);
  }

  #settle(id: string, moment: Moment, result: WaitResult): void {
    for (const waiter of this.#byId.get(id) ?? []) {
      if (waiter.moment !== moment) continue;
      this.#forget(id, waiter);
      waiter.settle(result);
    }
  }

  #forget(id: string, waiter: Waiter): void {
    const waiting = this.#byId.get(id);
    waiting?.delete(waiter);
    if (waiting?.size === 0) {
      this.#byId.delete(id);
      this.#lastResult.delete(id);
    }
  }
}
