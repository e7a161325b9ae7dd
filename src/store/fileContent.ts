import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { GantryError, hasCode, KeyedLock, type Logger } from '../base/index.ts';
import { digestOf, isDigest, type Descriptor, type Digest } from '../oci/index.ts';
import type { ContentStore, ContentWriter, WrittenBlob } from './content.ts';
import { FileWriter, syncDirectory } from './contentWriter.ts';
import { dataPaths, type DataPaths } from './paths.ts';

const defaultReadLimitBytes = 8 * 1024 * 1024;
const readAheadBytes = 1024 * 1024;
/** A transfer that nobody has gone on with for this long is forgotten at the next start. */
const ingestAgeLimitMs = 7 * 24 * 3600 * 1000;
/** Files of `put`: they are never resumed. */
const putPrefix = 'put-';

/** Opens the content store below the data root `root`, making its directories and dropping what can no longer be resumed. */
export function openContentStore(root: string, logger: Logger): ContentStore {
  const paths = dataPaths(root);
  for (const dir of [paths.content.blobs, paths.content.ingests]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  dropStaleIngests(paths, logger);
  return new FileContentStore(paths);
}

function dropStaleIngests(paths: DataPaths, logger: Logger): void {
  for (const name of readdirSync(paths.content.ingests)) {
    const path = `${paths.content.ingests}/${name}`;
    if (!name.startsWith(putPrefix) && Date.now() - statSync(path).mtimeMs < ingestAgeLimitMs) continue;
    logger.debug('dropped an unfinished transfer', { path });
    rmSync(path, { force: true });
  }
}

class FileContentStore implements ContentStore {
  readonly #paths: DataPaths;
  /** Sizes of the blobs that are there. */
  readonly #blobs = new Map<Digest, number>();
  readonly #writers = new KeyedLock();
  #puts = 0;

  constructor(paths: DataPaths) {
    this.#paths = paths;
    for (const name of readdirSync(paths.content.blobs)) {
      const digest = `sha256:${name}`;
      if (isDigest(digest)) this.#blobs.set(digest, statSync(paths.blob(digest)).size);
    }
  }

  stat(digest: Digest): { readonly sizeBytes: number } | undefined {
    const sizeBytes = this.#blobs.get(digest);
    return sizeBytes === undefined ? undefined : { sizeBytes };
  }

  async read(digest: Digest, limitBytes = defaultReadLimitBytes): Promise<Buffer> {
    const sizeBytes = this.#sizeOf(digest);
    if (sizeBytes > limitBytes)
      throw new GantryError(
        'invalid',
        `content ${digest} has ${sizeBytes} bytes, more than the ${limitBytes} allowed here`,
      );
    try {
      return await readFile(this.#paths.blob(digest));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      this.#blobs.delete(digest);
      throw absent(digest);
    }
  }

  open(digest: Digest): Readable {
    this.#sizeOf(digest);
    return createReadStream(this.#paths.blob(digest), { highWaterMark: readAheadBytes });
  }

  pathOf(digest: Digest): string {
    return this.#paths.blob(digest);
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    if (this.#blobs.has(digest)) return digest;
    const path = this.#putPath();
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    await this.#publish(path, digest, bytes.length);
    return digest;
  }

  async adopt<T extends WrittenBlob>(make: (path: string) => Promise<T>): Promise<T> {
    const path = this.#putPath();
    try {
      const made = await make(path);
      if (this.#blobs.has(made.digest)) await rm(path, { force: true });
      else await this.#publish(path, made.digest, made.sizeBytes);
      return made;
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async writer(expected: Pick<Descriptor, 'digest' | 'size'>): Promise<ContentWriter | undefined> {
    const { promise: opened, resolve, reject } = Promise.withResolvers<ContentWriter | undefined>();
    // The lock is held until the writer closes; whoever asked next then finds the blob, or goes on with the partial file.
    const turn = this.#writers.run(expected.digest, async () => {
      if (this.#blobs.has(expected.digest)) return resolve(undefined);
      const { promise: closed, resolve: close } = Promise.withResolvers<void>();
      const path = this.#paths.ingest(expected.digest);
      const publish = (): Promise<void> => this.#publish(path, expected.digest, expected.size);
      resolve(await FileWriter.open(path, expected, publish, close));
      await closed;
    });
    turn.catch(reject);
    return opened;
  }

  async remove(digest: Digest): Promise<void> {
    this.#blobs.delete(digest);
    await rm(this.#paths.blob(digest), { force: true });
  }

  *list(): Iterable<{ readonly digest: Digest; readonly sizeBytes: number }> {
    for (const [digest, sizeBytes] of this.#blobs) yield { digest, sizeBytes };
  }

  /** A new file of the ingest directory that the next start drops. */
  #putPath(): string {
    return `${this.#paths.content.ingests}/${putPrefix}${process.pid}-${this.#puts++}`;
  }

  #sizeOf(digest: Digest): number {
    const sizeBytes = this.#blobs.get(digest);
    if (sizeBytes === undefined) throw absent(digest);
    return sizeBytes;
  }

  async #publish(path: string, digest: Digest, sizeBytes: number): Promise<void> {
    await rename(path, this.#paths.blob(digest));
    await syncDirectory(this.#paths.content.blobs);
    this.#blobs.set(digest, sizeBytes);
  }
}

function absent(digest: Digest): GantryError {
  return new GantryError('notFound', `content ${digest} is not in the store`);
}
