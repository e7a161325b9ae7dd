import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { hasCode, messageOf, type Logger } from '../base/index.ts';

/** Trees with at most this many entries are deleted without starting a worker thread. */
const smallTreeEntries = 64;

/** Directories on their way out: moved here at once, deleted in the background one after the other. */
export class Trash {
  readonly #dir: string;
  readonly #deleteLarge: (path: string) => Promise<void>;
  readonly #logger: Logger;
  #count = 0;
  #isEmptying = false;

  /** `deleteLarge` deletes a tree of any size off the main thread. */
  constructor(dir: string, deleteLarge: (path: string) => Promise<void>, logger: Logger) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#dir = dir;
    this.#deleteLarge = deleteLarge;
    this.#logger = logger;
  }

  /** Moves `path` into the trash; it is gone from its place when this returns. One that is not there is no error. */
  add(path: string): void {
    try {
      renameSync(path, join(this.#dir, `${Date.now()}-${this.#count++}`));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    this.empty();
  }

  /** Deletes everything in the trash, in the background. What cannot be deleted stays until the next call. */
  empty(): void {
    if (this.#isEmptying) return;
    this.#isEmptying = true;
    void this.#emptyAll();
  }

  async #emptyAll(): Promise<void> {
    const failed = new Set<string>();
    const next = (): string | undefined => this.#names().find((name) => !failed.has(name));
    for (let name = next(); name !== undefined; name = next()) {
      const path = join(this.#dir, name);
      try {
        if (!(await deleteSmall(path))) await this.#deleteLarge(path);
      } catch (error) {
        failed.add(name);
        this.#logger.warn('a removed snapshot could not be deleted', { path, error: messageOf(error) });
      }
    }
    this.#isEmptying = false;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir);
    } catch (error) {
      this.#logger.warn('removed snapshots cannot be listed', { path: this.#dir, error: messageOf(error) });
      return [];
    }
  }
}

/** Deletes a small tree; false, with nothing but a few files gone, when it turns out to be large. */
async function deleteSmall(root: string): Promise<boolean> {
  let left = smallTreeEntries;
  const visit = async (dir: Buffer): Promise<boolean> => {
    const entries = await readdir(dir, { withFileTypes: true, encoding: 'buffer' });
    left -= entries.length;
    if (left < 0) return false;
    for (const entry of entries) {
      const path = Buffer.concat([dir, Buffer.from('/'), entry.name]);
      if (!entry.isDirectory()) await unlink(path);
      else if (!(await visit(path))) return false;
    }
    await rmdir(dir);
    return true;
  };
  return await visit(Buffer.from(root));
}
