import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import { GantryError, workerUrl } from '../base/index.ts';
import type { DiffJob } from './diff/changeList.ts';
import type { LayerJob } from './diff/layerTar.ts';
import type { SnapshotChange, SnapshotUsage, WrittenLayer } from './snapshotter.ts';
import type { UnpackJob } from './unpack/unpackLayer.ts';
import { errorOf, type WorkerFailure } from './workerFailure.ts';

export type WorkerTask =
  | { readonly kind: 'unpack'; readonly job: UnpackJob }
  | { readonly kind: 'changes'; readonly job: DiffJob }
  | { readonly kind: 'writeLayer'; readonly job: LayerJob }
  | { readonly kind: 'measure' | 'sync' | 'delete'; readonly path: string };

export type WorkerRequest = WorkerTask | 'abort';

/** What a task came to; each kind gives its own. */
export interface WorkerResult {
  readonly usage?: SnapshotUsage;
  readonly changes?: readonly SnapshotChange[];
  readonly layer?: WrittenLayer;
}

export type WorkerReply = { readonly result: WorkerResult } | { readonly failure: WorkerFailure };

interface PendingTask {
  readonly task: WorkerTask;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: WorkerResult) => void;
  readonly reject: (error: Error) => void;
}

const idleMs = 1000;

/**
 * A few worker threads that come when there is work, each doing one task at a time, and go a second after their last
 * one, so that an idle daemon has none. Neither they nor their timers keep the process alive while they idle.
 */
export class StoreWorkers {
  readonly #limit = Math.max(1, Math.min(4, availableParallelism()));
  readonly #waiting: PendingTask[] = [];
  readonly #idle: StoreWorker[] = [];
  #count = 0;

  /** Unpacks a layer, writes it to the disk, and tells what it takes. */
  async unpack(job: UnpackJob, signal?: AbortSignal): Promise<SnapshotUsage> {
    return given((await this.#run({ kind: 'unpack', job }, signal)).usage);
  }

  /** What a directory takes; with `isSynced`, after it has been written to the disk. */
  async measure(path: string, isSynced: boolean): Promise<SnapshotUsage> {
    return given((await this.#run({ kind: isSynced ? 'sync' : 'measure', path }, undefined)).usage);
  }

  /** What an upper directory changes. */
  async listChanges(job: DiffJob): Promise<readonly SnapshotChange[]> {
    return given((await this.#run({ kind: 'changes', job }, undefined)).changes);
  }

  /** Writes the changes of an upper directory as a layer. */
  async writeLayer(job: LayerJob): Promise<WrittenLayer> {
    return given((await this.#run({ kind: 'writeLayer', job }, undefined)).layer);
  }

  /** Deletes a directory and all that is in it. */
  async delete(path: string): Promise<void> {
    await this.#run({ kind: 'delete', path }, undefined);
  }

  #run(task: WorkerTask, signal: AbortSignal | undefined): Promise<WorkerResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, signal, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    while (this.#waiting.length > 0 && (this.#idle.length > 0 || this.#count < this.#limit)) {
      const pending = this.#waiting.shift();
      const worker = this.#idle.pop() ?? this.#spawn();
      if (pending !== undefined) worker.perform(pending);
    }
  }

  #spawn(): StoreWorker {
    this.#count++;
    return new StoreWorker({
      idle: (worker) => {
        this.#idle.push(worker);
        this.#schedule();
      },
      gone: (worker) => {
        this.#count--;
        const at = this.#idle.indexOf(worker);
        if (at >= 0) this.#idle.splice(at, 1);
        this.#schedule();
      },
    });
  }
}

interface WorkerOwner {
  /** The worker can take a task. */
  idle(worker: StoreWorker): void;
  /** The worker has ended, or is about to, and takes no more tasks. */
  gone(worker: StoreWorker): void;
}

class StoreWorker {
  readonly #thread: Worker;
  readonly #owner: WorkerOwner;
  #pending: PendingTask | undefined;
  #failure: Error | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #isRetired = false;

  constructor(owner: WorkerOwner) {
    this.#owner = owner;
    this.#thread = new Worker(workerUrl(import.meta.url, 'unpackWorker'), {
      name: 'gantry-store',
      // Descriptors are opened by system calls that Node knows nothing of.
      trackUnmanagedFds: false,
    });
    this.#thread.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#thread.on('error', (error: Error) => {
      this.#failure = error;
    });
    this.#thread.on('exit', () => this.#exited());
  }

  perform(pending: PendingTask): void {
    clearTimeout(this.#idleTimer);
    this.#pending = pending;
    this.#thread.ref();
    this.#thread.postMessage(pending.task);
    if (pending.signal?.aborted === true) this.#abort();
    else pending.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  readonly #abort = (): void => {
    this.#thread.postMessage('abort' satisfies WorkerRequest);
  };

  #settle(reply: WorkerReply): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.signal?.removeEventListener('abort', this.#abort);
    this.#thread.unref();
    this.#idleTimer = setTimeout(() => this.#retire(), idleMs).unref();
    if ('failure' in reply) pending?.reject(errorOf(reply.failure));
    else pending?.resolve(reply.result);
    this.#owner.idle(this);
  }

  #retire(): void {
    this.#isRetired = true;
    this.#owner.gone(this);
    void this.#thread.terminate();
  }

  #exited(): void {
    clearTimeout(this.#idleTimer);
    this.#pending?.signal?.removeEventListener('abort', this.#abort);
    if (!this.#isRetired) this.#owner.gone(this);
    const reason = this.#failure?.message ?? 'no reason given';
    this.#pending?.reject(new GantryError('internal', `a worker thread ended: ${reason}`, { cause: this.#failure }));
  }
}

function given<T>(result: T | undefined): T {
  if (result === undefined) throw new GantryError('internal', 'a worker thread gave no answer');
  return result;
}
