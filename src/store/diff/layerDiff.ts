/**
 * What an upper directory of overlayfs changes in the lower ones (Linux, Documentation/filesystems/overlayfs.rst), found by
 * walking the upper directory alone. Others may change it meanwhile: it is read by descriptors, never by paths, so that
 * nothing outside it can be put in the place of a directory.
 */
import { closeSync, constants, lstatSync, type BigIntStats } from 'node:fs';

import { bytesOf, GantryError, hasCode, shownName, toByteString, type ByteString } from '../../base/index.ts';
import { getXattrOf, linkTargetOf, listXattrsOf, namesIn, openAt, openPathOnly, statOf } from '../../linux/index.ts';
import type { SnapshotChange } from '../snapshotter.ts';
import { MergedDirectory, opaqueAttribute, osPath, type Found } from '../unpack/layerTree.ts';
import { isOverlayAttribute, metadataAt, type Attributes } from '../unpack/metadata.ts';

/** Something in the upper directory, for as long as the call lasts that it is handed to. */
export interface UpperNode {
  readonly fd: number;
  readonly stat: BigIntStats;
  readonly xattrs: () => Attributes;
}

/** Takes what a walk finds: parents before what is in them, names in the order of their bytes. Paths begin with no slash. */
export interface DiffSink {
  /** For people: what is different. */
  change(path: ByteString, kind: SnapshotChange['kind']): void;
  /** For a layer: what must be in it. A directory comes once, also when only its content is different. */
  entry(path: ByteString, node: UpperNode): void;
  /** For a layer: something of the lower directories that is gone. */
  whiteout(path: ByteString): void;
  /** For a layer: a directory that has just come and hides everything of the lower ones. */
  opaque(path: ByteString): void;
}

/** A directory on the way down, told to the sink only when something in it is. */
interface Frame {
  readonly parent: Frame | undefined;
  readonly path: ByteString;
  readonly node: UpperNode | undefined;
  /** The lower directory in the same place. */
  readonly lower: MergedDirectory | undefined;
  /** A marked directory lies above: nothing of the lower ones shows through. */
  readonly isHiding: boolean;
  isReported: boolean;
  isWritten: boolean;
}

/** Linux's PATH_MAX bounds the depth as well. */
const pathLimitBytes = 4096;
const absent: Found = { kind: 'absent' };

/**
 * Walks `upper` over `lowers` (the topmost first). What `made` names (with no slash in front) is made by whoever mounts the
 * root; it counts as if it were below already: an empty file, a directory or a link into /proc there is no change. Blocks its thread.
 */
export function walkDiff(
  upper: string,
  lowers: readonly string[],
  made: ReadonlySet<ByteString>,
  sink: DiffSink,
): void {
  const root = openAt(-1, upper, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const lower = new MergedDirectory(undefined, '', '', lowers.map(toByteString));
    const frame: Frame = {
      parent: undefined,
      path: '',
      node: undefined,
      lower,
      isHiding: false,
      isReported: true,
      isWritten: true,
    };
    new DiffWalk(made, sink).walk(root, frame);
  } finally {
    closeSync(root);
  }
}

class DiffWalk {
  readonly #made: ReadonlySet<ByteString>;
  readonly #sink: DiffSink;

  constructor(made: ReadonlySet<ByteString>, sink: DiffSink) {
    this.#made = made;
    this.#sink = sink;
  }

  walk(fd: number, frame: Frame): void {
    const names = new Set(namesIn(fd).map(toByteString));
    const all = frame.isHiding ? new Set([...names, ...(frame.lower?.lowerNames() ?? [])]) : names;
    for (const name of [...all].toSorted()) {
      if (frame.path.length + name.length > pathLimitBytes)
        throw new GantryError('invalid', `the path ${shownName(`${frame.path}/${name}`)} is too long`);
      if (names.has(name)) this.#visit(fd, name, frame);
      else this.#gone(frame, name);
    }
  }

  /** A name that is not there although a lower directory has it. */
  #gone(frame: Frame, name: ByteString): void {
    if ((frame.lower?.find(name) ?? absent).kind === 'absent') return;
    this.#report(frame);
    this.#sink.change(below(frame, name), 'deleted');
    if (frame.isHiding) return;
    this.#write(frame);
    this.#sink.whiteout(below(frame, name));
  }

  #visit(dirFd: number, name: ByteString, frame: Frame): void {
    const fd = openIfThere(dirFd, name, openPathOnly);
    if (fd === undefined) return;
    try {
      const stat = statOf(fd);
      if (stat.isCharacterDevice() && stat.rdev === 0n) this.#gone(frame, name);
      else if (stat.isDirectory()) this.#visitDirectory(dirFd, name, frame);
      else this.#visitOther({ fd, stat, xattrs: () => attributesOf(fd) }, name, frame);
    } finally {
      closeSync(fd);
    }
  }

  #visitDirectory(dirFd: number, name: ByteString, parent: Frame): void {
    const fd = openIfThere(dirFd, name, constants.O_RDONLY | constants.O_DIRECTORY);
    if (fd === undefined) return;
    try {
      const node = { fd, stat: statOf(fd), xattrs: () => attributesOf(fd) };
      const found = parent.lower?.find(name) ?? absent;
      const lower = found.kind === 'directory' ? found.directory : undefined;
      const isMarked = lower !== undefined && getXattrOf(fd, opaqueAttribute)?.toString() === 'y';
      const path = below(parent, name);
      const isHiding = parent.isHiding || isMarked;
      const frame: Frame = { parent, path, node, lower, isHiding, isReported: false, isWritten: false };
      const kind = this.#kindOf(path, node, found);
      if (kind !== undefined) this.#report(frame, kind);
      if (kind !== undefined || isHiding) this.#write(frame);
      if (isMarked && !parent.isHiding) this.#sink.opaque(path);
      this.walk(fd, frame);
    } finally {
      closeSync(fd);
    }
  }

  #visitOther(node: UpperNode, name: ByteString, frame: Frame): void {
    const path = below(frame, name);
    const kind = this.#kindOf(path, node, frame.lower?.find(name) ?? absent);
    if (kind !== undefined) {
      this.#report(frame);
      this.#sink.change(path, kind);
    } else if (!frame.isHiding || this.#made.has(path)) return;
    this.#write(frame);
    this.#sink.entry(path, node);
  }

  /** Undefined: nothing is different. */
  #kindOf(path: ByteString, node: UpperNode, found: Found): 'added' | 'modified' | undefined {
    if (found.kind !== 'absent') return isSame(node, lowerPathOf(found)) ? undefined : 'modified';
    if (!this.#made.has(path)) return 'added';
    return isBare(node) ? undefined : 'modified';
  }

  #report(frame: Frame, kind: 'added' | 'modified' = 'modified'): void {
    if (frame.isReported) return;
    frame.isReported = true;
    if (frame.parent !== undefined) this.#report(frame.parent);
    this.#sink.change(frame.path, kind);
  }

  #write(frame: Frame): void {
    if (frame.isWritten) return;
    frame.isWritten = true;
    if (frame.parent !== undefined) this.#write(frame.parent);
    if (frame.node !== undefined) this.#sink.entry(frame.path, frame.node);
  }
}

/** Nothing that anybody has put there. */
function isBare({ fd, stat }: UpperNode): boolean {
  if (stat.isSymbolicLink()) return toByteString(linkTargetOf(fd)).startsWith('/proc/');
  return stat.isDirectory() || (stat.isFile() && stat.size === 0n);
}

function below({ path }: Frame, name: ByteString): ByteString {
  return path === '' ? name : `${path}/${name}`;
}

/** Opens a name in a directory; undefined when it has gone meanwhile, or is no longer what it was. */
function openIfThere(dirFd: number, name: ByteString, flags: number): number | undefined {
  try {
    return openAt(dirFd, bytesOf(name), flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

function lowerPathOf(found: Exclude<Found, { kind: 'absent' }>): ByteString {
  return found.kind === 'directory' ? (found.directory.lowers[0] ?? '') : found.path;
}

/**
 * Whether a copy in the upper directory tells the same as its original, by what Docker compares: a change of content shows in
 * the size or the time. Extended attributes are compared too.
 */
function isSame({ stat, xattrs }: UpperNode, lowerPath: ByteString): boolean {
  const lower = lstatSync(osPath(lowerPath), { bigint: true });
  if (stat.mode !== lower.mode || stat.uid !== lower.uid || stat.gid !== lower.gid || stat.rdev !== lower.rdev)
    return false;
  // The size and the time of a directory say nothing about itself.
  if (!stat.isDirectory() && (stat.size !== lower.size || !isSameTime(stat.mtimeNs, lower.mtimeNs))) return false;
  return areSame(xattrs(), metadataAt(lowerPath).xattrs);
}

/** Archives often have whole seconds only. */
function isSameTime(a: bigint, b: bigint): boolean {
  const second = 1_000_000_000n;
  return a === b || (a / second === b / second && (a % second === 0n || b % second === 0n));
}

/** Those that are the file's own, not overlayfs's. */
function attributesOf(fd: number): Attributes {
  const xattrs = new Map<ByteString, Buffer>();
  for (const name of listXattrsOf(fd)) {
    const value = isOverlayAttribute(name) ? undefined : getXattrOf(fd, bytesOf(name));
    if (value !== undefined) xattrs.set(name, value);
  }
  return xattrs;
}

function areSame(a: Attributes, b: Attributes): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name)?.equals(value) === true);
}
