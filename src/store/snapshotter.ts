import type { Digest } from '../oci/index.ts';

/**
 * Snapshots: the file-system states that layers add up to, and the writable ones of containers.
 *
 * A snapshot is `active` (prepared, writable) or `committed` (immutable, may be a parent). Keys are chosen by the caller:
 * layers use their chain id, containers their id. Parents are committed snapshots; a parent with children cannot be removed
 * (`conflict`). Every change of layers is recorded durably before it is acknowledged, so that after a crash a snapshot is there
 * whole or is swept away by `sweep`. An unknown key is `notFound`, one that exists already `conflict`.
 */
export interface Snapshotter {
  readonly name: string;
  /**
   * A new writable snapshot on top of `parent` (none: empty). It is recorded together with the next durable change: a caller's
   * own record of it, made after this, is not on the disk without it.
   */
  prepare(key: string, parent: string | undefined): Promise<void>;
  /**
   * Unpacks a layer blob into the active snapshot `key`, verifying `diffId` over the decompressed bytes while they flow.
   * Hostile entries throw `invalid` and leave nothing outside the snapshot.
   */
  apply(key: string, layer: LayerSource, signal?: AbortSignal): Promise<void>;
  /** Turns active `key` into committed `name`. */
  commit(name: string, key: string): Promise<void>;
  /** How to mount `key`. Pure: makes no mount. */
  mounts(key: string): MountSpec;
  /**
   * Takes a snapshot away; fast (the bytes may be deleted afterwards). Unknown keys are no error. An active one may be back
   * after a crash.
   */
  remove(key: string): Promise<void>;
  /**
   * What active `key` changes in its parent, parents before what is in them; the unchanged rest is not looked at. Paths of
   * `made` (absolute) are made by whoever mounts the snapshot: an empty file, a directory or a link into /proc there is no change.
   */
  changes(key: string, made: readonly string[]): Promise<readonly SnapshotChange[]>;
  /**
   * Writes the same changes as a layer that can be applied to the parent: an uncompressed tar in the new file `path`, durable
   * when it resolves. The same changes give the same bytes.
   */
  writeLayer(key: string, path: string, made: readonly string[]): Promise<WrittenLayer>;
  /** Bytes and inodes that `key` itself holds, without its parents. */
  usage(key: string): Promise<SnapshotUsage>;
  stat(key: string): SnapshotInfo | undefined;
  list(): Iterable<SnapshotInfo>;
  /** Paths for `GraphDriver.Data` of inspect, by Docker's names (LowerDir, UpperDir, WorkDir; who mounts it adds MergedDir). */
  describe(key: string): Readonly<Record<string, string>>;
  /** Run once at start: finishes or takes back what a crash left. */
  sweep(): Promise<void>;
}

export interface LayerSource {
  /** The blob's file. */
  readonly path: string;
  readonly mediaType: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** Upper bound for the unpacked bytes; the default is generous. */
  readonly limitBytes?: number;
}

export interface SnapshotChange {
  /** Absolute; bytes that are no UTF-8 are replaced. */
  readonly path: string;
  /** A directory is `modified` also when only something in it is. What was in something `deleted` is not told one by one. */
  readonly kind: 'modified' | 'added' | 'deleted';
}

/** A layer as it was written: the digest is its diff id as well. */
export interface WrittenLayer {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** There was nothing to write. */
  readonly isEmpty: boolean;
}

/** Arguments of mount(2), without the target. */
export interface MountSpec {
  readonly type: 'overlay' | 'bind' | 'erofs';
  readonly source: string;
  readonly flags: readonly ('ro' | 'bind' | 'rbind')[];
  /** File-system options; handed over one by one where mount(2)'s page is too short for them. */
  readonly options: readonly string[];
}

export interface SnapshotUsage {
  readonly sizeBytes: number;
  readonly inodes: number;
}

export interface SnapshotInfo {
  readonly key: string;
  readonly kind: 'active' | 'committed';
  readonly parent: string | undefined;
  readonly createdAt: Date;
}
