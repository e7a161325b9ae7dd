/** Makes a tar archive of a tree that others may change meanwhile: all is read through open directories. */
import { closeSync, constants, readSync, type BigIntStats } from 'node:fs';

import {
  bytesOf,
  attributesOf,
  encodeHeader,
  endOfArchive,
  entryTypeOf,
  GantryError,
  hasCode,
  paddingOf,
  shownName,
  toByteString,
  type ByteString,
  type EntryType,
  type WritableEntry,
} from '../base/index.ts';
import {
  fileSystemOf,
  getXattrOf,
  getXattrOfOpen,
  linkTargetOf,
  listXattrsOf,
  listXattrsOfOpen,
  namesIn,
  openAt,
  openPathOnly,
  reopenForReading,
  statOf,
} from '../linux/index.ts';

export interface ArchiveSource {
  /** An open descriptor of what to archive: a directory with all that is below it, or anything else alone. Not closed here. */
  readonly fd: number;
  /**
   * Path of the first entry, which all others begin with; a directory's gets its slash here. Empty: no entry for the
   * directory itself, and paths that begin with what is in it.
   */
  readonly path: ByteString;
}

export interface ArchiveOptions {
  /** Extended attributes to keep; by default file capabilities and `user.*`, but for overlayfs's own. */
  readonly keepsXattr?: (name: ByteString) => boolean;
  /** Says of an entry whether it and what is below it is left out. Paths have no slash at their end. */
  readonly isExcluded?: (path: ByteString) => boolean;
  /** Mounts below the source: followed (the default), or shown as empty directories. Those of the kernel's own file systems are always empty. */
  readonly crossesMounts?: boolean;
}

const chunkBytes = 256 * 1024;
/** One descriptor is open on each level. */
const depthLimit = 1000;

/** File systems that show the kernel's state and hold no files of anybody: their "content" has no size and no end. */
const kernelFileSystems: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x1cd1, // devpts
  0x19800202, // mqueue
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xcafe4a11, // bpf
]);

/** Whether what is open lies on a file system such as proc or sysfs, which nothing is copied from or into. */
export function isOnKernelFileSystem(fd: number): boolean {
  return kernelFileSystems.has(fileSystemOf(fd).type);
}

/** A directory whose entries are being written. */
interface OpenDirectory {
  readonly fd: number;
  /** With a slash at its end, or empty. */
  readonly prefix: ByteString;
  /** In reverse order. */
  names: Buffer[];
}

/** A file with several names, by device and inode, and the first of them. */
type LinkedFiles = Map<string, ByteString>;

/**
 * The chunks of a tar archive (ustar, pax where needed) as Docker makes them: directories before what is in them, names
 * in the order of their bytes, times in whole seconds, the second name of a file as a hard link to the first, sockets left out.
 * What vanishes while it is read is left out; a file that shrinks is filled up with zeros, one that grows is cut. A chunk is
 * valid until the next one is asked for. Blocks between chunks: not for the main thread. End the generator to close what it
 * holds open.
 */
export function* archiveTree(source: ArchiveSource, options: ArchiveOptions = {}): Generator<Buffer, void> {
  const tree = new TreeArchiver(options);
  yield* tree.archive(source);
  yield endOfArchive();
}

class TreeArchiver {
  readonly #options: ArchiveOptions;
  readonly #linked: LinkedFiles = new Map();
  readonly #open: OpenDirectory[] = [];
  readonly #buffer = Buffer.allocUnsafe(chunkBytes);
  #device = 0n;

  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  *archive({ fd, path }: ArchiveSource): Generator<Buffer, void> {
    this.#device = statOf(fd).dev;
    try {
      yield* this.#entry(fd, path);
      for (let directory = this.#open.at(-1); directory !== undefined; directory = this.#open.at(-1)) {
        const name = directory.names.pop();
        if (name === undefined) closeSync(this.#open.pop()?.fd ?? -1);
        else yield* this.#child(directory, name);
      }
    } finally {
      for (const { fd: left } of this.#open) closeSync(left);
    }
  }

  *#child(directory: OpenDirectory, name: Buffer): Generator<Buffer, void> {
    const path = `${directory.prefix}${toByteString(name)}`;
    if (this.#options.isExcluded?.(path) === true) return;
    const fd = unlessGone(() => openAt(directory.fd, name, openPathOnly));
    if (fd === undefined) return;
    try {
      yield* this.#entry(fd, path);
    } finally {
      closeSync(fd);
    }
  }

  /** Yields what is open as `fd`, and keeps a directory for later. */
  *#entry(fd: number, path: ByteString): Generator<Buffer, void> {
    const stat = statOf(fd);
    const type = entryTypeOf(stat);
    if (type === undefined) return;
    if (type === 'directory') {
      if (path !== '') yield encodeHeader({ ...this.#described(fd, stat, type), path: withSlash(path) });
      this.#enter(fd, path, stat);
      return;
    }
    const linkPath = this.#firstName(stat, path);
    if (linkPath !== undefined)
      yield encodeHeader({ ...this.#described(fd, stat, type), path, type: 'hardlink', linkPath, sizeBytes: 0 });
    else if (type === 'file') yield* this.#file(fd, path, stat);
    else yield encodeHeader({ ...this.#described(fd, stat, type), path });
  }

  #enter(fd: number, path: ByteString, stat: BigIntStats): void {
    if (isOnKernelFileSystem(fd) || (this.#options.crossesMounts === false && stat.dev !== this.#device)) return;
    if (this.#open.length === depthLimit)
      throw new GantryError('invalid', `the directory ${shownName(path)} lies more than ${depthLimit} levels deep`);
    const opened = unlessGone(() => openAt(fd, '.', constants.O_RDONLY | constants.O_DIRECTORY));
    if (opened === undefined) return;
    const directory: OpenDirectory = { fd: opened, prefix: path === '' ? '' : withSlash(path), names: [] };
    this.#open.push(directory);
    directory.names = namesIn(opened).toReversed();
  }

  #described(fd: number, stat: BigIntStats, type: EntryType, xattrs = pathXattrs): Omit<WritableEntry, 'path'> {
    return {
      ...attributesOf(type, stat),
      linkPath: type === 'symlink' ? toByteString(linkTargetOf(fd)) : '',
      xattrs: this.#xattrs(fd, xattrs),
    };
  }

  #xattrs(fd: number, { list, get }: XattrCalls): Map<ByteString, Buffer> {
    const keeps = this.#options.keepsXattr ?? isKeptByDefault;
    const xattrs = new Map<ByteString, Buffer>();
    for (const name of list(fd)) {
      const value = keeps(name) && !name.includes('=') ? get(fd, bytesOf(name)) : undefined;
      if (value !== undefined) xattrs.set(name, value);
    }
    return xattrs;
  }

  /** The name under which a file with several is in the archive already. */
  #firstName(stat: BigIntStats, path: ByteString): ByteString | undefined {
    if (stat.nlink < 2n) return undefined;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, path);
    return first;
  }

  *#file(pathFd: number, path: ByteString, stat: BigIntStats): Generator<Buffer, void> {
    const fd = reopenForReading(pathFd);
    try {
      const entry = { ...this.#described(fd, stat, 'file', openXattrs), path };
      yield encodeHeader(entry);
      for (let left = entry.sizeBytes; left > 0;) {
        const piece = this.#buffer.subarray(0, Math.min(left, chunkBytes));
        const count = readSync(fd, piece);
        if (count === 0) piece.fill(0);
        const filled = count === 0 ? piece : piece.subarray(0, count);
        yield filled;
        left -= filled.length;
      }
      yield paddingOf(entry.sizeBytes);
    } finally {
      closeSync(fd);
    }
  }
}

interface XattrCalls {
  readonly list: (fd: number) => string[];
  readonly get: (fd: number, name: Buffer) => Buffer | undefined;
}

const pathXattrs: XattrCalls = { list: listXattrsOf, get: getXattrOf };
const openXattrs: XattrCalls = { list: listXattrsOfOpen, get: getXattrOfOpen };

function isKeptByDefault(name: ByteString): boolean {
  return name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
}

function withSlash(path: ByteString): ByteString {
  return path.endsWith('/') ? path : `${path}/`;
}

function unlessGone<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESTALE')) return undefined;
    throw error;
  }
}
