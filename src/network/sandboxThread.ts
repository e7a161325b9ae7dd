import { Worker } from 'node:worker_threads';

import { GantryError, messageOf, workerUrl } from '../base/index.ts';
import type { SandboxPlan } from './sandboxBuilder.ts';

/** Makes sandboxes somewhere else than on the daemon's main thread. */
export interface SandboxMaker {
  /** Resolves when the sandbox is there. When it throws, parts may be left behind. */
  make(plan: SandboxPlan): Promise<void>;
  /** Ends it; what is under way fails. */
  close(): Promise<void>;
}

export interface SandboxJob {
  readonly number: number;
  readonly plan: SandboxPlan;
}

export interface SandboxAnswer {
  readonly number: number;
  readonly error: string | undefined;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The thread keeps little: plans come and go. */
const threadLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

/**
 * A worker thread that starts with the first job and ends when it has had none for `idleMs`, so that an idle daemon does
 * not pay for its memory.
 */
export class SandboxThread implements SandboxMaker {
  readonly #idleMs: number;
  readonly #waiters = new Map<number, Waiter>();
  #worker: Worker | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #nextNumber = 1;
  #isClosed = false;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  async make(plan: SandboxPlan): Promise<void> {
    if (this.#isClosed) throw new GantryError('unavailable', 'the network is shutting down');
    clearTimeout(this.#idleTimer);
    const number = this.#nextNumber++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.set(number, { resolve, reject });
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage({ number, plan } satisfies SandboxJob);
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl(import.meta.url, 'sandboxWorker'), {
      name: 'sandboxes',
      env: {},
      resourceLimits: threadLimits,
    });
    worker.on('message', (answer: SandboxAnswer) => {
      this.#settle(answer);
    });
    worker.on('error', (error) => {
      this.#lose(worker, messageOf(error));
    });
    worker.on('exit', () => {
      this.#lose(worker, 'its thread has ended');
    });
    return worker;
  }

  #settle({ number, error }: SandboxAnswer): void {
    const waiter = this.#waiters.get(number);
    this.#waiters.delete(number);
    if (error === undefined) waiter?.resolve();
    else waiter?.reject(failure(error));
    if (this.#waiters.size > 0) return;
    this.#worker?.unref();
    this.#idleTimer = setTimeout(() => void this.#end(), this.#idleMs).unref();
  }

  /** The thread is gone: its jobs fail, the next one starts another. */
  #lose(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiter of this.#waiters.values()) waiter.reject(failure(reason));
    this.#waiters.clear();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#lose(worker, 'the network is shutting down');
    await worker.terminate();
  }
}

const failure = (reason: string): GantryError =>
  new GantryError('internal', `cannot make a network sandbox: ${reason}`);
