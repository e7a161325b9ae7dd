/**
 * The root that a layer is unpacked into, as overlayfs will show it: one upper directory, which only this process writes,
 * over lower ones, which nobody writes. Names are resolved here, component by component and never by the kernel, so that
 * no symbolic link of a layer is ever followed by a system call. What is in the upper directory is kept in memory; it is
 * read from the disk once for each directory that was there before.
 */
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';

import { GantryError, bytesOf, shownName, toByteString, type ByteString } from '../../base/index.ts';
import { getXattr } from '../../linux/index.ts';

export const opaqueAttribute = 'trusted.overlay.opaque';

/** Something in the upper directory: a directory, or what else it is. */
type UpperChild = MergedDirectory | 'symlink' | 'whiteout' | 'other';

/** What a name in the merged root stands for. */
export type Found =
  | { readonly kind: 'absent' }
  | { readonly kind: 'directory'; readonly directory: MergedDirectory }
  | { readonly kind: 'symlink' | 'other'; readonly isInUpper: boolean; readonly path: ByteString };

const absent: Found = { kind: 'absent' };

/** A path as the system calls take it. */
export function osPath(path: ByteString): string | Buffer {
  return Buffer.byteLength(path) === path.length ? path : bytesOf(path);
}

/** A directory of the merged root. */
export class MergedDirectory {
  readonly parent: MergedDirectory | undefined;
  readonly name: ByteString;
  /** Where it is, or would be, in the upper directory. */
  readonly upperPath: ByteString;
  /** What is in the upper directory; undefined while this directory is only in lower ones. */
  upper: Map<ByteString, UpperChild> | undefined;
  /** Directories found in lower layers only. */
  readonly #lowerChildren = new Map<ByteString, MergedDirectory>();
  #lowers: readonly ByteString[] | undefined;

  constructor(
    parent: MergedDirectory | undefined,
    name: ByteString,
    upperPath: ByteString,
    lowers?: readonly ByteString[],
  ) {
    this.parent = parent;
    this.name = name;
    this.upperPath = upperPath;
    this.#lowers = lowers;
  }

  /** The lower directories that show through, the topmost first. */
  get lowers(): readonly ByteString[] {
    this.#lowers ??= this.parent === undefined ? [] : lowerDirectories(this.parent.lowers, this.name);
    return this.#lowers;
  }

  /** Lower layers show through no longer. */
  hideLowers(): void {
    this.#lowers = [];
    this.#lowerChildren.clear();
    for (const child of this.upper?.values() ?? []) if (child instanceof MergedDirectory) child.hideLowers();
  }

  /** Looks `name` up, without following it. */
  find(name: ByteString): Found {
    const child = this.upper?.get(name);
    if (child instanceof MergedDirectory) return { kind: 'directory', directory: child };
    if (child === 'whiteout') return absent;
    if (child !== undefined) return { kind: child, isInUpper: true, path: `${this.upperPath}/${name}` };
    return this.#findInLowers(name);
  }

  /** Records that `name` is now a directory of the upper layer; `isNew`: lower layers do not show through it. */
  addDirectory(name: ByteString, isNew: boolean): MergedDirectory {
    const known = this.#lowerChildren.get(name);
    this.#lowerChildren.delete(name);
    const directory =
      known !== undefined && !isNew
        ? known
        : new MergedDirectory(this, name, `${this.upperPath}/${name}`, isNew ? [] : undefined);
    directory.upper = new Map();
    this.upper?.set(name, directory);
    return directory;
  }

  /** Takes over what is on the disk, for a directory that was in the upper layer before. */
  load(): void {
    this.upper = new Map();
    for (const entry of readdirSync(bytesOf(this.upperPath), { withFileTypes: true, encoding: 'buffer' })) {
      const name = toByteString(entry.name);
      const path = `${this.upperPath}/${name}`;
      if (entry.isDirectory()) {
        const child = new MergedDirectory(this, name, path, isOpaque(path) ? [] : undefined);
        this.upper.set(name, child);
        child.load();
      } else if (entry.isSymbolicLink()) this.upper.set(name, 'symlink');
      else
        this.upper.set(name, entry.isCharacterDevice() && isWhiteout(lstatSync(osPath(path))) ? 'whiteout' : 'other');
    }
  }

  /** Names that lower layers have, hidden ones among them. */
  lowerNames(): Set<ByteString> {
    return new Set(
      this.lowers.flatMap((lower) => readdirSync(osPath(lower), { encoding: 'buffer' }).map(toByteString)),
    );
  }

  #findInLowers(name: ByteString): Found {
    const known = this.#lowerChildren.get(name);
    if (known !== undefined) return { kind: 'directory', directory: known };
    for (const lower of this.lowers) {
      const path = `${lower}/${name}`;
      const stat = lstatSync(osPath(path), { throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (isWhiteout(stat)) return absent;
      if (!stat.isDirectory()) return { kind: stat.isSymbolicLink() ? 'symlink' : 'other', isInUpper: false, path };
      const directory = new MergedDirectory(this, name, `${this.upperPath}/${name}`);
      this.#lowerChildren.set(name, directory);
      return { kind: 'directory', directory };
    }
    return absent;
  }
}

/** The directories called `name` in `lowers` that merge, by overlayfs's rules. */
function lowerDirectories(lowers: readonly ByteString[], name: ByteString): ByteString[] {
  const found: ByteString[] = [];
  for (const lower of lowers) {
    const path = `${lower}/${name}`;
    const stat = lstatSync(osPath(path), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) break;
    found.push(path);
    if (isOpaque(path)) break;
  }
  return found;
}

function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

function isOpaque(path: ByteString): boolean {
  return getXattr(osPath(path), opaqueAttribute)?.toString('latin1') === 'y';
}

/** Linux's PATH_MAX. */
const pathLimitBytes = 4096;
const linkLimit = 40;

/** Opens the root of a layer. `upper` and `lowers` (the topmost first) are real directories. */
export function openRoot(upper: ByteString, lowers: readonly ByteString[]): MergedDirectory {
  const root = new MergedDirectory(undefined, '', upper, lowers);
  root.load();
  return root;
}

/**
 * The components of an entry's name, cleaned as Docker cleans them: relative to the root whether it begins with a slash
 * or not, `.` and inner `..` resolved as text. Throws `invalid` when it leads out of the root.
 */
export function componentsOf(path: ByteString): ByteString[] {
  if (path.length > pathLimitBytes)
    throw new GantryError('invalid', `the archive's entry ${shownName(path)} has a name of ${path.length} bytes`);
  const parts: ByteString[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      throw new GantryError('invalid', `the archive's entry ${shownName(path)} leads out of its root`);
  }
  return parts;
}

/**
 * The directory that `parts` lead to from `root`, symbolic links followed within the root as a process there would.
 * `onMissing` makes a directory that is not there, or throws.
 */
export function walk(
  root: MergedDirectory,
  parts: readonly ByteString[],
  onMissing: (directory: MergedDirectory, name: ByteString, found: Found) => MergedDirectory,
): MergedDirectory {
  let directory = root;
  let links = 0;
  const ahead = parts.toReversed();
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      directory = directory.parent ?? root;
      continue;
    }
    const found = directory.find(name);
    if (found.kind === 'directory') directory = found.directory;
    else if (found.kind === 'symlink') {
      if (++links > linkLimit)
        throw new GantryError('invalid', `too many symbolic links in the path ${shownName(parts.join('/'))}`);
      const target = toByteString(readlinkSync(osPath(found.path), 'buffer'));
      if (target.startsWith('/')) directory = root;
      ahead.push(...target.split('/').toReversed());
    } else directory = onMissing(directory, name, found);
  }
  return directory;
}
