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
