import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { GantryError, toByteString, type Logger } from '../base/index.ts';
import type { RecordCollection, RecordDatabase } from './records.ts';
import type { DiffJob } from './diff/changeList.ts';
import type {
  LayerSource,
  MountSpec,
  SnapshotChange,
  SnapshotInfo,
  Snapshotter,
  SnapshotUsage,
  WrittenLayer,
} from './snapshotter.ts';
import { StoreWorkers } from './storeWorkers.ts';
import { Trash } from './trash.ts';
import { beginDirectory, finishDirectory, metadataAt } from './unpack/metadata.ts';

export interface OverlayOptions {
  /** The snapshotter's own directory (`dataPaths(root).snapshots('overlay')`). */
  readonly root: string;
  readonly records: RecordDatabase;
  readonly logger: Logger;
}

/** What is recorded of a snapshot. */
interface SnapshotRecord {
  readonly kind: 'active' | 'committed';
  /** Name of its directory. */
  readonly directory: number;
  readonly parent?: string | undefined;
  readonly createdAtMs: number;
  /** A layer is being unpacked into it, or has been: worthless unless it gets committed. */
  readonly isUnpacked?: boolean;
  /** Of a committed snapshot, or of one that a layer was unpacked into. */
  readonly usage?: SnapshotUsage | undefined;
}

/** Most bytes that one layer may unpack to where the caller says nothing. */
const defaultLimitBytes = 256 * 1024 ** 3;
/** overlayfs takes 500 lower directories. */
const depthLimit = 400;

/**
 * Snapshots as directories that overlayfs stacks (Linux, Documentation/filesystems/overlayfs.rst). Makes `root`, whose
 * path may not hold what separates mount options.
 */
export function openOverlaySnapshotter(options: OverlayOptions): Snapshotter {
  if (/[:,\\]/.test(options.root))
    throw new GantryError(
      'invalid',
      `the path ${JSON.stringify(options.root)} cannot be used for snapshots: it holds one of : , \\`,
    );
  mkdirSync(options.root, { recursive: true, mode: 0o700 });
  return new OverlaySnapshotter(options);
}

class OverlaySnapshotter implements Snapshotter {
  readonly name = 'overlay';
  readonly #root: string;
  readonly #logger: Logger;
  readonly #database: RecordDatabase;
  readonly #records: RecordCollection<SnapshotRecord>;
  readonly #workers = new StoreWorkers();
  readonly #trash: Trash;
  readonly #fixedOptions = fixedOptions();
  /** How many snapshots have the key as their parent. */
  readonly #children = new Map<string, number>();
  #nextDirectory: number;

  constructor({ root, records, logger }: OverlayOptions) {
    this.#root = root;
    this.#logger = logger;
    this.#database = records;
    this.#records = records.collection<SnapshotRecord>('overlay_snapshots');
    this.#trash = new Trash(join(root, 'trash'), (path) => this.#workers.delete(path), logger);
    for (const { parent } of this.#records.values()) this.#countChild(parent, 1);
    const known = Array.from(this.#records.values(), (record) => record.directory);
    const present = readdirSync(root).map(Number).filter(Number.isInteger);
    this.#nextDirectory = [...known, ...present].reduce((most, each) => Math.max(most, each), 0) + 1;
  }

  async prepare(key: string, parent: string | undefined): Promise<void> {
    this.#refuseExisting(key);
    if (parent !== undefined) this.#refuseParent(parent);
    const directory = this.#nextDirectory++;
    for (const path of ['', 'fs', 'work']) mkdirSync(join(this.#root, String(directory), path), { mode: 0o711 });
    this.#prepareRoot(this.#upper(directory), parent);
    this.#records.putLater(key, { kind: 'active', directory, parent, createdAtMs: Date.now() });
    this.#countChild(parent, 1);
  }

  async apply(key: string, layer: LayerSource, signal?: AbortSignal): Promise<void> {
    const record = this.#active(key);
    if (signal?.aborted === true) throw new GantryError('cancelled', `unpacking into snapshot ${key} was cancelled`);
    this.#records.put(key, { ...record, isUnpacked: true });
    const job = {
      path: layer.path,
      diffId: layer.diffId,
      limitBytes: layer.limitBytes ?? defaultLimitBytes,
      upper: this.#upper(record.directory),
      lowers: this.#lowers(record.parent),
    };
    const usage = await this.#workers.unpack(job, signal);
    this.#records.put(key, { ...this.#active(key), usage });
  }

  async commit(name: string, key: string): Promise<void> {
    this.#refuseExisting(name);
    const usage =
      this.#active(key).usage ?? (await this.#workers.measure(this.#upper(this.#active(key).directory), true));
    this.#refuseExisting(name);
    const { directory, parent } = this.#active(key);
    this.#database.transaction(() => {
      this.#records.delete(key);
      this.#records.put(name, { kind: 'committed', directory, parent, createdAtMs: Date.now(), usage });
    });
    rmSync(this.#work(directory), { recursive: true, force: true });
  }

  mounts(key: string): MountSpec {
    const record = this.#get(key);
    const lowers = this.#lowers(record.parent);
    const upper = this.#upper(record.directory);
    if (record.kind === 'active' && lowers.length > 0)
      return this.#overlay(lowers, [upper, this.#work(record.directory)]);
    if (record.kind === 'committed' && lowers.length > 0) return this.#overlay([upper, ...lowers], undefined);
    // overlayfs wants two directories at least.
    return { type: 'bind', source: upper, flags: record.kind === 'active' ? ['bind'] : ['bind', 'ro'], options: [] };
  }

  async remove(key: string): Promise<void> {
    const record = this.#records.get(key);
    if (record === undefined) return;
    if (this.#children.has(key)) throw new GantryError('conflict', `snapshot ${key} is the parent of another one`);
    // A failure leaves the record of what a client can still ask to remove; nobody asks for a layer a second time.
    if (record.kind === 'committed') this.#records.delete(key);
    this.#trash.add(join(this.#root, String(record.directory)));
    if (record.kind === 'active') this.#records.deleteLater(key);
    this.#countChild(record.parent, -1);
  }

  async changes(key: string, made: readonly string[]): Promise<readonly SnapshotChange[]> {
    return await this.#workers.listChanges(this.#diffOf(key, made));
  }

  async writeLayer(key: string, path: string, made: readonly string[]): Promise<WrittenLayer> {
    return await this.#workers.writeLayer({ ...this.#diffOf(key, made), path, limitBytes: defaultLimitBytes });
  }

  async usage(key: string): Promise<SnapshotUsage> {
    const { kind, usage, directory } = this.#get(key);
    if (kind === 'committed' && usage !== undefined) return usage;
    return await this.#workers.measure(this.#upper(directory), false);
  }

  stat(key: string): SnapshotInfo | undefined {
    const record = this.#records.get(key);
    return record && infoOf(key, record);
  }

  *list(): Iterable<SnapshotInfo> {
    for (const [key, record] of this.#records.entries()) yield infoOf(key, record);
  }

  /** `MergedDir` is the business of whoever mounts the snapshot. */
  describe(key: string): Readonly<Record<string, string>> {
    const { kind, directory, parent } = this.#get(key);
    const lowers = this.#lowers(parent);
    return {
      ...(lowers.length > 0 ? { LowerDir: lowers.join(':') } : {}),
      UpperDir: this.#upper(directory),
      ...(kind === 'active' ? { WorkDir: this.#work(directory) } : {}),
    };
  }

  async sweep(): Promise<void> {
    for (const [key, record] of Array.from(this.#records.entries())) this.#repair(key, record);
    this.#dropOrphans();
    const known = new Set(Array.from(this.#records.values(), (record) => String(record.directory)));
    for (const name of readdirSync(this.#root))
      if (name !== 'trash' && !known.has(name)) {
        this.#logger.info('removing what a crash left of a snapshot', { directory: name });
        this.#trash.add(join(this.#root, name));
      }
    this.#trash.empty();
  }

  /** Takes back layers that were never committed; a container's files that are gone come back empty. */
  #repair(key: string, record: SnapshotRecord): void {
    const isGone = !existsSync(this.#upper(record.directory));
    if (record.kind === 'active' && record.isUnpacked !== true) {
      for (const path of isGone ? ['', 'fs', 'work'] : ['work'])
        mkdirSync(join(this.#root, String(record.directory), path), { recursive: true, mode: 0o711 });
      if (isGone) this.#logger.warn('a snapshot has lost its files', { snapshot: key });
    } else if (isGone || record.kind === 'active') {
      this.#logger.warn('removing an incomplete snapshot', { snapshot: key });
      this.#records.delete(key);
      this.#countChild(record.parent, -1);
    }
  }

  /** Removes snapshots whose parent is gone, and those on top of them. */
  #dropOrphans(): void {
    for (let isDone = false; !isDone;) {
      const orphans = Array.from(this.#records.entries()).filter(
        ([, { parent }]) => parent !== undefined && !this.#records.has(parent),
      );
      for (const [key, { parent }] of orphans) {
        this.#logger.warn('removing a snapshot without its parent', { snapshot: key, parent });
        this.#records.delete(key);
        this.#countChild(parent, -1);
      }
      isDone = orphans.length === 0;
    }
  }

  /** The root directory's owner, mode and attributes are those of the parent's, since overlayfs shows the upper one's. */
  #prepareRoot(upper: string, parent: string | undefined): void {
    if (parent === undefined) return chmodSync(upper, 0o755);
    const metadata = metadataAt(toByteString(this.#upper(this.#get(parent).directory)));
    beginDirectory(toByteString(upper), metadata);
    finishDirectory(toByteString(upper), metadata);
  }

  #overlay(lowers: readonly string[], writable: readonly [upper: string, work: string] | undefined): MountSpec {
    const options = [`lowerdir=${lowers.join(':')}`, ...this.#fixedOptions];
    if (writable === undefined) return { type: 'overlay', source: 'overlay', flags: ['ro'], options };
    const [upper, work] = writable;
    return {
      type: 'overlay',
      source: 'overlay',
      flags: [],
      options: [...options, `upperdir=${upper}`, `workdir=${work}`],
    };
  }

  /** Directories of `parent` and its ancestors, the topmost first. */
  #lowers(parent: string | undefined): string[] {
    const lowers: string[] = [];
    for (let key = parent; key !== undefined;) {
      const record = this.#get(key);
      lowers.push(this.#upper(record.directory));
      key = record.parent;
    }
    return lowers;
  }

  #diffOf(key: string, made: readonly string[]): DiffJob {
    const { directory, parent } = this.#active(key);
    return { upper: this.#upper(directory), lowers: this.#lowers(parent), made };
  }

  #upper(directory: number): string {
    return join(this.#root, String(directory), 'fs');
  }

  #work(directory: number): string {
    return join(this.#root, String(directory), 'work');
  }

  #get(key: string): SnapshotRecord {
    const record = this.#records.get(key);
    if (record === undefined) throw new GantryError('notFound', `no such snapshot: ${key}`);
    return record;
  }

  #active(key: string): SnapshotRecord {
    const record = this.#get(key);
    if (record.kind !== 'active') throw new GantryError('conflict', `snapshot ${key} is committed and cannot change`);
    return record;
  }

  #refuseExisting(key: string): void {
    if (this.#records.has(key)) throw new GantryError('conflict', `snapshot ${key} exists already`);
  }

  #refuseParent(parent: string): void {
    if (this.#get(parent).kind !== 'committed')
      throw new GantryError('conflict', `snapshot ${parent} is not committed and cannot be a parent`);
    if (this.#lowers(parent).length >= depthLimit)
      throw new GantryError('invalid', `max depth exceeded: snapshot ${parent} already has ${depthLimit} layers`);
  }

  #countChild(parent: string | undefined, change: number): void {
    if (parent === undefined) return;
    const count = (this.#children.get(parent) ?? 0) + change;
    if (count > 0) this.#children.set(parent, count);
    else this.#children.delete(parent);
  }
}

function infoOf(key: string, { kind, parent, createdAtMs }: SnapshotRecord): SnapshotInfo {
  return { key, kind, parent, createdAt: new Date(createdAtMs) };
}

/** Features that would tie an upper directory to its lower ones: off, also where the kernel is built to have them on. */
function fixedOptions(): string[] {
  return ['index', 'metacopy', 'redirect_dir'].flatMap((name) => {
    try {
      return readFileSync(`/sys/module/overlay/parameters/${name}`, 'utf8').trim() === '' ? [] : [`${name}=off`];
    } catch {
      return [];
    }
  });
}
