import { closeSync, createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { openIfPresent, partialPath } from './logFiles.ts';

/** A rotated file that is to be compressed; it is renamed by the rotations that happen meanwhile. */
interface Job {
  index: number;
}

/**
 * Compresses rotated files one after the other, beside the writing, which never waits for it: rotations may overtake it. The plain
 * file goes when the compressed one is complete, and readers prefer it until then.
 */
export class Compressor {
  readonly #path: string;
  readonly #maxFiles: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #jobs = new Set<Job>();
  #running: Promise<void> = Promise.resolve();

  constructor(path: string, maxFiles: number, onFailure: (error: unknown) => void) {
    this.#path = path;
    this.#maxFiles = maxFiles;
    this.#onFailure = onFailure;
    // Of a daemon that was killed.
    rmSync(partialPath(path), { force: true });
  }

  /** To be called after a rotation: the file that has become `path.1` is to be compressed, earlier ones have moved on. */
  rotated(): void {
    for (const job of this.#jobs) {
      job.index++;
      if (job.index >= this.#maxFiles) this.#jobs.delete(job);
    }
    const job = { index: 1 };
    this.#jobs.add(job);
    this.#running = this.#running.then(() => this.#compress(job)).catch(this.#onFailure);
  }

  /** Resolves when nothing is left to compress. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #compress(job: Job): Promise<void> {
    const source = this.#jobs.has(job) ? openIfPresent(`${this.#path}.${job.index}`) : undefined;
    if (source === undefined) return;
    const partial = partialPath(this.#path);
    try {
      const plain = createReadStream('', { fd: source, autoClose: false });
      await pipeline(plain, createGzip(), createWriteStream(partial, { mode: 0o640 }));
      if (!this.#jobs.has(job)) return rmSync(partial);
      renameSync(partial, `${this.#path}.${job.index}.gz`);
      rmSync(`${this.#path}.${job.index}`);
    } finally {
      this.#jobs.delete(job);
      closeSync(source);
    }
  }
}
