/** Copies between containers and the daemon's clients, each in a thread of its own that blocks as it likes. */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import { GantryError, workerUrl } from '../base/index.ts';
import { makePipe } from '../linux/index.ts';
import type { ArchiveAnswer, ArchiveJob, ArchiveTold, ContainerRoot } from './archiveJobs.ts';
import type { ExtractOptions } from './extractTree.ts';
import type { PathStat } from './pathStat.ts';
import { PipeSink, PipeSource } from './pipeEnds.ts';
import { errorOf } from './workerFailure.ts';

/** An archive that is being made. */
export interface ArchiveContent {
  /**
   * To be read once, to its end or not; throws where the archive could not be made whole. A chunk is valid until the next one
   * is asked for.
   */
  readonly chunks: AsyncIterable<Buffer>;
  /** Gives up; idempotent, and needless after the end of `chunks`. */
  close(): void;
  /** Resolves when nothing of the container is in use any more. Never rejects. */
  readonly closed: Promise<void>;
}

export interface UnpackRequest {
  readonly path: string;
  /** A tar archive: plain, gzip or zstd. A chunk is used until the next one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly options: ExtractOptions;
  readonly isRootReadOnly: boolean;
}

/** A thread takes longer to start than most copies; `cp` asks several things, and scripts copy again. */
const idleMs = 10_000;
/** A thread costs some megabytes, and a client may keep its own waiting. */
const threadLimit = 32;

/**
 * Threads come with the first job and go some seconds after their last one. `root`s that are open descriptors stay their
 * caller's, and open until the job has ended.
 */
export class ArchiveThreads {
  readonly #idle: ArchiveThread[] = [];
  #count = 0;

  /** What lies at a path of the container. Throws `notFound`, `invalid`. */
  async stat(root: ContainerRoot, path: string): Promise<PathStat> {
    const run = this.#run({ root, task: { kind: 'stat', path } });
    await run.ended;
    return given((await run.told).stat);
  }

  /** Small text files of the container; undefined for what is none. Throws `invalid` for one of more than `limitBytes`. */
  async readTexts(
    root: ContainerRoot,
    paths: readonly string[],
    limitBytes: number,
  ): Promise<readonly (string | undefined)[]> {
    const run = this.#run({ root, task: { kind: 'readTexts', paths, limitBytes } });
    await run.ended;
    return given((await run.told).texts);
  }

  /** Makes an archive of what lies at a path, its entries named after the path's last component. Throws `notFound`, `invalid`. */
  async pack(
    root: ContainerRoot,
    path: string,
  ): Promise<{ readonly stat: PathStat; readonly content: ArchiveContent }> {
    const { readFd, writeFd } = makePipe();
    const run = this.#startOr({ root, task: { kind: 'pack', path, writeFd } }, [readFd, writeFd]);
    const content = contentOf(readFd, writeFd, run);
    try {
      return { stat: given((await run.told).stat), content };
    } catch (error) {
      content.close();
      await content.closed;
      throw error;
    }
  }

  /** Makes an archive of the whole root without what is mounted below it. */
  export(root: ContainerRoot): ArchiveContent {
    const { readFd, writeFd } = makePipe();
    return contentOf(readFd, writeFd, this.#startOr({ root, task: { kind: 'export', writeFd } }, [readFd, writeFd]));
  }

  /** Unpacks an archive below a directory of the container. Throws `notFound`, `invalid`, `forbidden`. */
  async unpack(root: ContainerRoot, { path, chunks, options, isRootReadOnly }: UnpackRequest): Promise<void> {
    const { readFd, writeFd } = makePipe();
    const task = { kind: 'unpack', path, readFd, options, isRootReadOnly } as const;
    const run = this.#startOr({ root, task }, [readFd, writeFd]);
    const sink = new PipeSink(writeFd);
    const fed = sink.feed(chunks);
    try {
      await Promise.race([run.ended, fed.then(() => run.ended)]);
    } finally {
      sink.close();
      await run.settled;
      closeSync(readFd);
    }
  }

  #startOr(job: ArchiveJob, fds: readonly number[]): ArchiveRun {
    try {
      return this.#run(job);
    } catch (error) {
      for (const fd of fds) closeSync(fd);
      throw error;
    }
  }

  #run(job: ArchiveJob): ArchiveRun {
    return (this.#idle.pop() ?? this.#spawn()).perform(job);
  }

  #spawn(): ArchiveThread {
    if (this.#count === threadLimit)
      throw new GantryError('unavailable', `${threadLimit} copies are under way already`, { hint: 'Try again later.' });
    this.#count++;
    return new ArchiveThread({
      idle: (thread) => void this.#idle.push(thread),
      gone: (thread) => {
        this.#count--;
        const at = this.#idle.indexOf(thread);
        if (at >= 0) this.#idle.splice(at, 1);
      },
    });
  }
}

/** A job under way. */
interface ArchiveRun {
  /** Rejects where the job fails before it can tell. */
  readonly told: Promise<ArchiveTold>;
  readonly ended: Promise<void>;
  /** `ended`, but never rejects. */
  readonly settled: Promise<void>;
}

function contentOf(readFd: number, writeFd: number, run: ArchiveRun): ArchiveContent {
  const source = new PipeSource(readFd);
  const closed = run.settled.then(() => closeSync(writeFd));
  return { chunks: chunksOf(source, run), close: () => source.close(), closed };
}

async function* chunksOf(source: PipeSource, run: ArchiveRun): AsyncGenerator<Buffer, void> {
  yield* source.chunks();
  await run.ended;
}

function given<T>(told: T | undefined): T {
  if (told === undefined) throw new GantryError('internal', 'a worker thread gave no answer');
  return told;
}

interface ThreadOwner {
  /** The thread can take a job. */
  idle(thread: ArchiveThread): void;
  /** The thread has ended, or is about to. */
  gone(thread: ArchiveThread): void;
}

class ArchiveThread {
  readonly #worker: Worker;
  readonly #owner: ThreadOwner;
  #told = Promise.withResolvers<ArchiveTold>();
  #end = Promise.withResolvers<void>();
  #failure: Error | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #isGone = false;

  constructor(owner: ThreadOwner) {
    this.#owner = owner;
    this.#worker = new Worker(workerUrl(import.meta.url, 'archiveWorker'), {
      name: 'gantry-archive',
      env: {},
      // Descriptors are opened by system calls that Node knows nothing of.
      trackUnmanagedFds: false,
    });
    this.#worker.on('message', (answer: ArchiveAnswer) => this.#take(answer));
    this.#worker.on('error', (error: Error) => {
      this.#failure = error;
    });
    this.#worker.on('exit', () => this.#exited());
  }

  perform(job: ArchiveJob): ArchiveRun {
    clearTimeout(this.#idleTimer);
    this.#told = Promise.withResolvers();
    this.#end = Promise.withResolvers();
    this.#worker.ref();
    this.#worker.postMessage(job);
    // Who does not ask for one of them is told by the other.
    this.#told.promise.catch(() => {});
    const settled = this.#end.promise.catch(() => {});
    return { told: this.#told.promise, ended: this.#end.promise, settled };
  }

  #take(answer: ArchiveAnswer): void {
    if (answer.kind === 'told') return this.#told.resolve(answer.told);
    this.#worker.unref();
    this.#idleTimer = setTimeout(() => this.#retire(), idleMs).unref();
    if (answer.kind === 'failed') this.#fail(errorOf(answer.failure));
    else this.#end.resolve();
    this.#owner.idle(this);
  }

  #fail(error: Error): void {
    this.#told.reject(error);
    this.#end.reject(error);
  }

  #retire(): void {
    this.#leave();
    void this.#worker.terminate();
  }

  #exited(): void {
    clearTimeout(this.#idleTimer);
    this.#leave();
    const reason = this.#failure?.message ?? 'no reason given';
    this.#fail(new GantryError('internal', `a worker thread ended: ${reason}`, { cause: this.#failure }));
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#owner.gone(this);
  }
}
