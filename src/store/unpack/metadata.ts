/** Owners, modes, attributes and times of files that a layer makes, and their copies from lower layers. */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  lchownSync,
  lstatSync,
  readlinkSync,
  symlinkSync,
  type BigIntStats,
} from 'node:fs';

import { bytesOf, deviceNumbersOf, GantryError, hasCode, type ByteString, type TarEntry } from '../../base/index.ts';
import { getXattr, listXattrs, makeNode, setTimes, setTimesOf, setXattr } from '../../linux/index.ts';
import { osPath } from './layerTree.ts';

export type Attributes = ReadonlyMap<ByteString, Buffer>;

/** What every new file gets. */
export interface Metadata {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly xattrs: Attributes;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
}

/** Attributes that steer overlayfs itself; a layer must not have a say in them. */
const overlayAttribute = /^(trusted|user)\.overlay\./;

/** Whether an attribute steers overlayfs, and says nothing of the file itself. */
export function isOverlayAttribute(name: ByteString): boolean {
  return overlayAttribute.test(name);
}

/** Would be inherited by everything made in the directory afterwards. */
export const defaultAcl = 'system.posix_acl_default';

/** Metadata that an archive's entry asks for. */
export function metadataOf(entry: TarEntry): Metadata {
  const { uid, gid, mode, mtimeNs } = entry;
  return { uid, gid, mode, mtimeNs, atimeNs: entry.atimeNs ?? mtimeNs, xattrs: withoutOverlay(entry.xattrs) };
}

/** Metadata of a file that is there. */
export function metadataAt(path: ByteString): Metadata {
  return fromStat(path, lstatSync(osPath(path), { bigint: true }));
}

function fromStat(path: ByteString, stat: BigIntStats): Metadata {
  return {
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mode: Number(stat.mode) & 0o7777,
    xattrs: withoutOverlay(xattrsAt(path)),
    atimeNs: stat.atimeNs,
    mtimeNs: stat.mtimeNs,
  };
}

function xattrsAt(path: ByteString): Attributes {
  const xattrs = new Map<ByteString, Buffer>();
  for (const name of listXattrs(osPath(path))) {
    const value = getXattr(osPath(path), bytesOf(name));
    if (value !== undefined) xattrs.set(name, value);
  }
  return xattrs;
}

function withoutOverlay(xattrs: Attributes): Attributes {
  if (xattrs.size === 0) return xattrs;
  return new Map(Array.from(xattrs).filter(([name]) => !isOverlayAttribute(name)));
}

/** Sets all of it on an open regular file and closes it. The order matters: owner, then what a change of owner clears. */
export function finishFile(fd: number, path: ByteString, metadata: Metadata): void {
  try {
    fchownSync(fd, metadata.uid, metadata.gid);
    setAttributes(path, metadata.xattrs);
    fchmodSync(fd, metadata.mode);
    setTimesOf(fd, metadata.atimeNs, metadata.mtimeNs);
  } finally {
    closeSync(fd);
  }
}

/** Sets all of it on a symlink or a node. */
export function finishNode(path: ByteString, metadata: Metadata, isSymlink: boolean): void {
  lchownSync(osPath(path), metadata.uid, metadata.gid);
  setAttributes(path, metadata.xattrs);
  if (!isSymlink) chmodSync(osPath(path), metadata.mode);
  setTimes(osPath(path), metadata.atimeNs, metadata.mtimeNs);
}

/** Sets what a directory can have before its content: all but its times and its default ACL. */
export function beginDirectory(path: ByteString, metadata: Metadata): void {
  lchownSync(osPath(path), metadata.uid, metadata.gid);
  setAttributes(path, new Map(Array.from(metadata.xattrs).filter(([name]) => name !== defaultAcl)));
  chmodSync(osPath(path), metadata.mode);
}

/** Sets the rest, when nothing more is made in the directory. */
export function finishDirectory(path: ByteString, metadata: Metadata): void {
  const acl = metadata.xattrs.get(defaultAcl);
  if (acl !== undefined) setAttributes(path, new Map([[defaultAcl, acl]]));
  setTimes(osPath(path), metadata.atimeNs, metadata.mtimeNs);
}

/** Docker ignores attributes that the file system or the file's type has no room for; so do we. */
function setAttributes(path: ByteString, xattrs: Attributes): void {
  for (const [name, value] of xattrs) {
    try {
      setXattr(osPath(path), bytesOf(name), value);
    } catch (error) {
      const isUnsupported = hasCode(error, 'EOPNOTSUPP') || hasCode(error, 'ENOTSUP');
      if (!isUnsupported && !(hasCode(error, 'EPERM') && name.startsWith('user.'))) throw error;
    }
  }
}

/**
 * Copies a file, symlink or node of a lower layer to `to`, which does not exist, with its metadata. Returns the bytes
 * copied; throws `invalid` instead of copying more than `limitBytes`.
 */
export function copyUp(from: ByteString, to: ByteString, limitBytes: number): number {
  const stat = lstatSync(osPath(from), { bigint: true });
  const sizeBytes = stat.isFile() ? Number(stat.size) : 0;
  if (sizeBytes > limitBytes)
    throw new GantryError('invalid', 'the layer links to more of the lower layers than may be copied');
  if (stat.isSymbolicLink()) symlinkSync(readlinkSync(osPath(from), 'buffer'), osPath(to));
  else if (stat.isFile()) copyFileSync(osPath(from), osPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  else makeOther(osPath(to), stat);
  finishNode(to, fromStat(from, stat), stat.isSymbolicLink());
  return sizeBytes;
}

function makeOther(path: ReturnType<typeof osPath>, stat: BigIntStats): void {
  const kind = kindOf(stat);
  const { deviceMajor, deviceMinor } = deviceNumbersOf(kind, stat.rdev);
  makeNode(path, kind, 0o600, deviceMajor, deviceMinor);
}

function kindOf(stat: BigIntStats): 'characterDevice' | 'blockDevice' | 'fifo' {
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) throw new GantryError('invalid', 'a layer cannot link to a socket of a lower layer');
  return stat.isBlockDevice() ? 'blockDevice' : 'characterDevice';
}
