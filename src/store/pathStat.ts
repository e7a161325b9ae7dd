/** Paths of a container as the archive endpoints take them, and what is said of what lies there. */
import { closeSync, constants, type BigIntStats } from 'node:fs';
import { posix } from 'node:path';

import { bytesOf, GantryError, hasCode, shownName, toByteString, type ByteString } from '../base/index.ts';
import { isOnKernelFileSystem } from './archiveTree.ts';
import { linkTargetOf, openBelow, openPathOnly, statOf } from '../linux/index.ts';

/** What is known of a path (Engine API, "ContainerArchiveInfo"). */
export interface PathStat {
  /** Last component; `.` where the path ends with it, `/` for the root. */
  readonly name: string;
  readonly sizeBytes: number;
  /** As Go's os.FileMode has it. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Where a symlink leads in the end, as an absolute path of the container; empty for everything else. */
  readonly linkTarget: string;
}

/** A path of a container, read from its root and made lexically clean, as Docker does it before links are looked at. */
export interface ContainerPath {
  /** Begins with a slash; ends with one, or with `/.`, where the path as typed did. */
  readonly path: ByteString;
  readonly name: ByteString;
  /** A link at the end is followed: only a directory will do. */
  readonly wantsDirectory: boolean;
}

export function containerPath(typed: string): ContainerPath {
  const text = toByteString(typed);
  const clean = posix.normalize(`/${text}`).replace(/(.)\/+$/, '$1');
  const isDot = text === '.' || text.endsWith('/.');
  const joined = clean === '/' ? '/' : `${clean}/`;
  const path = isDot ? `${joined}.` : text.endsWith('/') ? joined : clean;
  return { path, name: isDot ? '.' : posix.basename(clean) || '/', wantsDirectory: path !== clean || clean === '/' };
}

/** Opens what a path stands for inside a root, without an effect on it. Throws `notFound`. */
export function openContainerPath(rootFd: number, { path, wantsDirectory }: ContainerPath): number {
  const flags = openPathOnly | (wantsDirectory ? constants.O_DIRECTORY : constants.O_NOFOLLOW);
  const fd = found(path, () => openBelow(rootFd, bytesOf(path), flags));
  const isHidden = !statOf(fd).isDirectory() && isOnKernelFileSystem(fd);
  if (!isHidden) return fd;
  closeSync(fd);
  throw notThere(path);
}

/** `open`, with its errors in words. Throws `notFound` and `invalid`. */
export function found<T>(path: ByteString, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw notThere(path);
    const reasons = { ENOTDIR: 'not a directory', ELOOP: 'too many links', ENAMETOOLONG: 'file name too long' };
    for (const [code, reason] of Object.entries(reasons))
      if (hasCode(error, code)) throw new GantryError('invalid', `lstat ${bytesOf(path).toString()}: ${reason}`);
    throw error;
  }
}

function notThere(path: ByteString): GantryError {
  return new GantryError('notFound', `${shownName(path)} does not exist`);
}

/** Describes what is open. */
export function pathStat(rootFd: number, fd: number, { path, name }: ContainerPath): PathStat {
  const stat = statOf(fd);
  return {
    name: bytesOf(name).toString(),
    sizeBytes: Number(stat.size),
    mode: fileMode(stat),
    mtimeNs: stat.mtimeNs,
    linkTarget: stat.isSymbolicLink() ? bytesOf(finalTarget(rootFd, path)).toString() : '',
  };
}

const setUid = 0o4000;
const setGid = 0o2000;
const sticky = 0o1000;

/** The permission bits, and Go's own bits for the rest (os.FileMode). */
function fileMode(stat: BigIntStats): number {
  const bits = Number(stat.mode);
  const kinds: readonly (readonly [boolean, number])[] = [
    [stat.isDirectory(), 31],
    [stat.isSymbolicLink(), 27],
    [stat.isBlockDevice() || stat.isCharacterDevice(), 26],
    [stat.isFIFO(), 25],
    [stat.isSocket(), 24],
    [(bits & setUid) !== 0, 23],
    [(bits & setGid) !== 0, 22],
    [stat.isCharacterDevice(), 21],
    [(bits & sticky) !== 0, 20],
  ];
  return kinds.reduce((sum, [isSet, bit]) => (isSet ? sum + 2 ** bit : sum), bits & 0o777);
}

const linkLimit = 255;

/**
 * Follows links as far as they lead; what does not exist is kept as it is written. Only a text for clients: whoever uses it
 * has it resolved anew.
 */
function finalTarget(rootFd: number, path: ByteString): ByteString {
  const waiting = path.split('/').toReversed();
  let resolved = '';
  let links = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf('/')));
    else {
      const target = targetOf(rootFd, `${resolved}/${part}`);
      if (target === undefined) resolved = `${resolved}/${part}`;
      else {
        if (++links > linkLimit) throw new GantryError('invalid', `lstat ${bytesOf(path).toString()}: too many links`);
        if (target.startsWith('/')) resolved = '';
        waiting.push(...target.split('/').toReversed());
      }
    }
  }
  return resolved === '' ? '/' : resolved;
}

/** Undefined for what is no link, or not there. */
function targetOf(rootFd: number, path: ByteString): ByteString | undefined {
  let fd: number;
  try {
    fd = openBelow(rootFd, bytesOf(path), openPathOnly | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
  try {
    // The links of /proc lead where no path does.
    const isLink = statOf(fd).isSymbolicLink() && !isOnKernelFileSystem(fd);
    return isLink ? toByteString(linkTargetOf(fd)) : undefined;
  } finally {
    closeSync(fd);
  }
}
