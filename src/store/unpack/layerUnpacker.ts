/**
 * Unpacks the entries of a layer (OCI image spec, layer.md) into the upper directory of a snapshot, as overlayfs wants
 * them: whiteouts become 0/0 devices, opaque whiteouts an attribute. What Docker accepts is accepted; nothing is ever
 * written outside the directory.
 */
import { closeSync, constants, linkSync, mkdirSync, openSync, rmSync, symlinkSync } from 'node:fs';

import {
  GantryError,
  hasCode,
  bytesOf,
  shownName,
  type ByteString,
  type TarEntry,
  type TarReader,
  writeData,
} from '../../base/index.ts';
import { makeNode, removeXattr, setXattr } from '../../linux/index.ts';
import { entryErrors } from '../entryErrors.ts';
import {
  componentsOf,
  type MergedDirectory,
  openRoot,
  opaqueAttribute,
  osPath,
  walk,
  type Found,
} from './layerTree.ts';
import {
  beginDirectory,
  copyUp,
  finishDirectory,
  finishFile,
  finishNode,
  metadataAt,
  metadataOf,
  type Metadata,
} from './metadata.ts';

const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';
/** Names that aufs kept for itself. */
const aufsPrefix = '.wh..wh.';

const entryLimit = 2_000_000;

export interface UnpackTarget {
  readonly upper: ByteString;
  /** The topmost first. */
  readonly lowers: readonly ByteString[];
  /** Most bytes to copy up from lower layers. */
  readonly limitBytes: number;
}

/** A directory that nothing describes; its times are left as they come. */
const implicitDirectory = { uid: 0, gid: 0, mode: 0o755, xattrs: new Map(), atimeNs: 0n, mtimeNs: 0n } as const;

export class LayerUnpacker {
  readonly #root: MergedDirectory;
  readonly #limitBytes: number;
  /** Directories to finish at the end, by when they were made. */
  readonly #directories = new Map<MergedDirectory, Metadata>();
  /** What lower layers had in the root when this layer hid it. */
  #hiddenRootNames: ReadonlySet<ByteString> = new Set();
  #entries = 0;
  #copiedBytes = 0;

  constructor(target: UnpackTarget) {
    this.#root = openRoot(target.upper, target.lowers);
    this.#limitBytes = target.limitBytes;
    this.#directories.set(this.#root, metadataAt(target.upper));
  }

  /** Unpacks one entry; its data are read from `reader`. Throws `invalid` for one that cannot be. */
  async unpack(entry: TarEntry, reader: TarReader): Promise<void> {
    verifyNumbers(entry);
    if (++this.#entries > entryLimit) throw new GantryError('invalid', `the layer has more than ${entryLimit} entries`);
    try {
      await this.#unpackAt(componentsOf(entry.path), entry, reader);
    } catch (error) {
      if (!entryErrors.some((code) => hasCode(error, code))) throw error;
      const reason = (error as NodeJS.ErrnoException).code;
      throw new GantryError('invalid', `the layer's entry ${shownName(entry.path)} cannot be made: ${reason}`, {
        cause: error,
      });
    }
  }

  /** Sets what directories can only get when nothing more is made in them. */
  finish(): void {
    this.#hideRoot();
    for (const [directory, metadata] of this.#directories)
      if (isAttached(directory)) finishDirectory(directory.upperPath, metadata);
  }

  async #unpackAt(parts: ByteString[], entry: TarEntry, reader: TarReader): Promise<void> {
    if (parts.some((part) => part.startsWith(aufsPrefix) && part !== opaqueMarker)) return;
    const name = parts.pop();
    if (name === undefined) return this.#setRoot(entry);
    if (parts.some((part) => part.startsWith(whiteoutPrefix)))
      throw new GantryError('invalid', `the layer's entry ${shownName(entry.path)} lies below a whiteout`);
    if (name === opaqueMarker) return this.#hideLowers(parts);
    if (name.startsWith(whiteoutPrefix)) return this.#whiteOut(parts, whitedOut(name, entry));
    // A device that is overlayfs's own whiteout can be nothing else.
    if (isWhiteoutDevice(entry)) return this.#whiteOut(parts, name);
    const parent = walk(this.#root, parts, this.#makeMissing);
    this.#makeUpper(parent);
    if (entry.type === 'directory') this.#makeDirectory(parent, name, metadataOf(entry));
    else if (entry.type === 'hardlink') this.#makeHardlink(parent, name, entry);
    else await this.#makeOther(parent, name, entry, reader);
  }

  #setRoot(entry: TarEntry): void {
    if (entry.type !== 'directory')
      throw new GantryError(
        'invalid',
        `the layer's entry ${shownName(entry.path)} puts a ${entry.type} in place of the root`,
      );
    this.#describe(this.#root, metadataOf(entry));
  }

  #describe(directory: MergedDirectory, metadata: Metadata): void {
    const former = this.#directories.get(directory)?.xattrs.keys() ?? [];
    for (const name of former) if (!metadata.xattrs.has(name)) removeXattr(osPath(directory.upperPath), bytesOf(name));
    beginDirectory(directory.upperPath, metadata);
    this.#directories.set(directory, metadata);
  }

  /** A parent that no entry describes: as the lower layer has it, else root's with mode 0755. */
  readonly #makeMissing = (parent: MergedDirectory, name: ByteString, found: Found): MergedDirectory => {
    if (found.kind === 'other' && found.isInUpper)
      throw new GantryError('invalid', `the layer has entries below ${shownName(name)}, which is no directory`);
    this.#makeUpper(parent);
    return this.#newDirectory(parent, name);
  };

  /** Makes sure that `directory` is in the upper layer, described as it is below or as an entry says. */
  #makeUpper(directory: MergedDirectory, described?: Metadata): void {
    if (directory.upper !== undefined || directory.parent === undefined) return;
    this.#makeUpper(directory.parent);
    const [lower] = directory.lowers;
    mkdirSync(osPath(directory.upperPath));
    directory.parent.addDirectory(directory.name, false);
    const metadata = described ?? (lower === undefined ? undefined : metadataAt(lower));
    if (metadata !== undefined) this.#describe(directory, metadata);
  }

  /** Puts an empty directory at `name`, where there is none. */
  #newDirectory(parent: MergedDirectory, name: ByteString): MergedDirectory {
    const isReplacement = this.#clear(parent, name);
    const path = `${parent.upperPath}/${name}`;
    mkdirSync(osPath(path));
    beginDirectory(path, implicitDirectory);
    // What an earlier entry of this layer hid must not show through now.
    if (isReplacement) setXattr(osPath(path), opaqueAttribute, Buffer.from('y'));
    return parent.addDirectory(name, isReplacement);
  }

  #makeDirectory(parent: MergedDirectory, name: ByteString, metadata: Metadata): void {
    const found = parent.find(name);
    if (found.kind !== 'directory') return this.#describe(this.#newDirectory(parent, name), metadata);
    if (found.directory.upper === undefined) this.#makeUpper(found.directory, metadata);
    else this.#describe(found.directory, metadata);
  }

  /** Takes what this layer has at `name` away; says whether there was something. */
  #clear(parent: MergedDirectory, name: ByteString): boolean {
    if (parent.upper?.has(name) !== true) return false;
    rmSync(osPath(`${parent.upperPath}/${name}`), { recursive: true, force: true });
    parent.upper.delete(name);
    return true;
  }

  async #makeOther(parent: MergedDirectory, name: ByteString, entry: TarEntry, reader: TarReader): Promise<void> {
    this.#clear(parent, name);
    const path = `${parent.upperPath}/${name}`;
    parent.upper?.set(name, entry.type === 'symlink' ? 'symlink' : 'other');
    if (entry.type === 'file') return await writeFile(path, entry, reader);
    if (entry.type === 'symlink') symlinkSync(bytesOf(entry.linkPath), osPath(path));
    else if (entry.type !== 'directory' && entry.type !== 'hardlink')
      makeNode(osPath(path), entry.type, 0o600, entry.deviceMajor, entry.deviceMinor);
    finishNode(path, metadataOf(entry), entry.type === 'symlink');
  }

  #makeHardlink(parent: MergedDirectory, name: ByteString, entry: TarEntry): void {
    const parts = componentsOf(entry.linkPath);
    const targetName = parts.pop();
    const missing = (): never => {
      throw new GantryError(
        'invalid',
        `the layer's entry ${shownName(entry.path)} is a hard link to ${shownName(entry.linkPath)}, which is no file`,
      );
    };
    const directory = walk(this.#root, parts, missing);
    const found = targetName === undefined ? missing() : directory.find(targetName);
    if (found.kind === 'absent' || found.kind === 'directory') return missing();
    if (directory === parent && targetName === name) return;
    const target = `${directory.upperPath}/${targetName}`;
    if (!found.isInUpper) this.#copyUp(directory, targetName ?? '', found);
    this.#clear(parent, name);
    linkSync(osPath(target), osPath(`${parent.upperPath}/${name}`));
    parent.upper?.set(name, found.kind);
  }

  #copyUp(directory: MergedDirectory, name: ByteString, found: Extract<Found, { path: ByteString }>): void {
    this.#makeUpper(directory);
    this.#copiedBytes += copyUp(found.path, `${directory.upperPath}/${name}`, this.#limitBytes - this.#copiedBytes);
    directory.upper?.set(name, found.kind);
  }

  /** A whiteout hides what lower layers have; what this layer has stays, whichever entry comes first (layer.md, "Whiteouts"). */
  #whiteOut(parts: ByteString[], name: ByteString): void {
    const parent = this.#existing(parts);
    if (parent === undefined) return;
    const found = parent.find(name);
    if (found.kind === 'directory' && found.directory.upper !== undefined) return this.#setOpaque(found.directory);
    if (found.kind === 'absent' || (found.kind !== 'directory' && found.isInUpper)) return;
    this.#makeUpper(parent);
    this.#putWhiteout(parent, name);
  }

  #hideLowers(parts: ByteString[]): void {
    const directory = this.#existing(parts);
    if (directory === undefined) return;
    if (directory === this.#root) {
      this.#hiddenRootNames = this.#root.lowerNames();
      this.#root.hideLowers();
    } else {
      this.#makeUpper(directory);
      this.#setOpaque(directory);
    }
  }

  #setOpaque(directory: MergedDirectory): void {
    setXattr(osPath(directory.upperPath), opaqueAttribute, Buffer.from('y'));
    directory.hideLowers();
    dropWhiteouts(directory);
  }

  /** overlayfs merges the roots of all layers whatever they say: hide each name for itself. */
  #hideRoot(): void {
    for (const name of this.#hiddenRootNames) {
      const found = this.#root.find(name);
      if (found.kind === 'directory') this.#setOpaque(found.directory);
      else if (found.kind === 'absent') this.#putWhiteout(this.#root, name);
    }
  }

  #putWhiteout(parent: MergedDirectory, name: ByteString): void {
    if (parent.upper?.get(name) === 'whiteout') return;
    makeNode(osPath(`${parent.upperPath}/${name}`), 'characterDevice', 0);
    parent.upper?.set(name, 'whiteout');
  }

  /** The directory at `parts`, if there is one: where nothing is, nothing needs to be hidden. */
  #existing(parts: ByteString[]): MergedDirectory | undefined {
    let isThere = true;
    const directory = walk(this.#root, parts, () => {
      isThere = false;
      return this.#root;
    });
    return isThere ? directory : undefined;
  }
}

/** 32 bits, where -1 means nobody. */
function isOwner(id: number): boolean {
  return id >= 0 && id < 0xffff_ffff;
}

/** Device numbers have 12 and 20 bits. */
function verifyNumbers(entry: TarEntry): void {
  const isDevice =
    entry.deviceMajor >= 0 && entry.deviceMajor <= 0xfff && entry.deviceMinor >= 0 && entry.deviceMinor <= 0xfffff;
  const needsDevice = entry.type === 'characterDevice' || entry.type === 'blockDevice';
  if (!isOwner(entry.uid) || !isOwner(entry.gid) || (needsDevice && !isDevice))
    throw new GantryError(
      'invalid',
      `the layer's entry ${shownName(entry.path)} has an owner or a device that cannot be`,
    );
}

/** The name that a whiteout's own name hides. */
function whitedOut(marker: ByteString, entry: TarEntry): ByteString {
  const name = marker.slice(whiteoutPrefix.length);
  if (name !== '' && name !== '.' && name !== '..') return name;
  throw new GantryError('invalid', `the layer's entry ${shownName(entry.path)} is a whiteout of nothing`);
}

function isWhiteoutDevice(entry: TarEntry): boolean {
  return entry.type === 'characterDevice' && entry.deviceMajor === 0 && entry.deviceMinor === 0;
}

/** Where no lower layer shows through, overlayfs lists whiteouts as broken files instead of heeding them. */
function dropWhiteouts(directory: MergedDirectory): void {
  for (const [name, child] of directory.upper ?? []) {
    if (typeof child !== 'string') dropWhiteouts(child);
    else if (child === 'whiteout') {
      rmSync(osPath(`${directory.upperPath}/${name}`));
      directory.upper?.delete(name);
    }
  }
}

/** Whether the directory is still where it was made, and nothing has taken its place. */
function isAttached(directory: MergedDirectory): boolean {
  const { parent } = directory;
  return parent === undefined || (parent.upper?.get(directory.name) === directory && isAttached(parent));
}

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function writeFile(path: ByteString, entry: TarEntry, reader: TarReader): Promise<void> {
  const fd = openSync(osPath(path), newFile, 0o600);
  try {
    await writeData(fd, entry, reader);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  finishFile(fd, path, metadataOf(entry));
}
