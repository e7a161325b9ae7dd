import type { Readable } from 'node:stream';

import type { Descriptor, Digest } from '../oci/index.ts';

/**
 * Content by digest: immutable blobs (manifests, configurations, compressed layers). A blob is there whole and verified
 * or not at all. Every method is safe to call at the same time for the same digest.
 */
export interface ContentStore {
  /** Size of a blob that is there. */
  stat(digest: Digest): { readonly sizeBytes: number } | undefined;
  /** A small blob's bytes; throws `notFound`, and `invalid` when it is larger than `limitBytes` (default 8 MiB). */
  read(digest: Digest, limitBytes?: number): Promise<Buffer>;
  /** A blob as a stream. */
  open(digest: Digest): Readable;
  /** The file that holds a blob; read-only for the caller. */
  pathOf(digest: Digest): string;
  /** Stores bytes that are at hand; durable when it resolves. */
  put(bytes: Uint8Array): Promise<Digest>;
  /**
   * Takes in a blob whose digest is known only when it has been made: `make` writes the new file at `path`, and to the disk,
   * and tells its digest, which is not verified again. What `make` gives is passed on. Nothing is left when it throws.
   */
  adopt<T extends WrittenBlob>(make: (path: string) => Promise<T>): Promise<T>;
  /**
   * Begins, or goes on with, the transfer of a blob. At most one writer for a digest is open; a second call waits for the
   * first and then, if the blob has arrived, gets undefined.
   */
  writer(expected: Pick<Descriptor, 'digest' | 'size'>): Promise<ContentWriter | undefined>;
  /** Removes a blob; one that is not there is no error. */
  remove(digest: Digest): Promise<void>;
  /** All blobs, for garbage collection and for `system df`. */
  list(): Iterable<{ readonly digest: Digest; readonly sizeBytes: number }>;
}

/** A blob as whoever wrote it knows it. */
export interface WrittenBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** A transfer in progress. Bytes are hashed as they flow; a partial file survives `abort` and a crash, for resuming. */
export interface ContentWriter {
  /** Bytes already there: ask the sender for the rest. */
  readonly offsetBytes: number;
  /** Appends; throws `invalid` once more than the expected size has come. */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what is there and starts from byte 0 (the sender cannot resume). */
  restart(): Promise<void>;
  /** Verifies size and digest, makes it durable and visible. Throws `invalid` on a mismatch, and removes the partial file. */
  commit(): Promise<void>;
  /** Closes and keeps the partial file for the next attempt. Idempotent; harmless after commit. */
  abort(): Promise<void>;
}
