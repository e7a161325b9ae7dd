/**
 * File-system calls relative to an open directory, so that a tree which others change meanwhile can be read and written:
 * what a descriptor stands for cannot be swapped. A `name` is one component; none of these follows it when it is a link.
 */
import { chmodSync, closeSync, constants, fstatSync, openSync, type BigIntStats } from 'node:fs';

import { GantryError, hasCode } from '../base/index.ts';
import { deviceNumber, nodeBits, shown, terminated, timesOf, type FilePath, type NodeKind } from './fileArguments.ts';
import { checked, libc } from './libc.ts';

const sysOpenAt = libc.func('int openat(int, const char *, int, unsigned int)');
const sysMakeDirectoryAt = libc.func('int mkdirat(int, const char *, unsigned int)');
const sysMakeSymlinkAt = libc.func('int symlinkat(const char *, int, const char *)');
const sysLinkAt = libc.func('int linkat(int, const char *, int, const char *, int)');
const sysUnlinkAt = libc.func('int unlinkat(int, const char *, int)');
const sysReadLinkAt = libc.func('long readlinkat(int, const char *, void *, size_t)');
const sysMakeNodeAt = libc.func('int mknodat(int, const char *, unsigned int, uint64_t)');
const sysChangeOwnerAt = libc.func('int fchownat(int, const char *, unsigned int, unsigned int, int)');
const sysSetTimesAt = libc.func('int utimensat(int, const char *, const int64_t *, int)');
const sysStatFileSystem = libc.func('int fstatfs(int, void *)');
const sysOpenAt2 = libc.func('syscall', 'long', ['long', 'int', 'const char *', 'const uint64_t *', 'size_t']);
const sysGetEntries = libc.func('syscall', 'long', ['long', 'int', 'void *', 'size_t']);
const sysPipe = libc.func('int pipe2(void *, int)');
const sysControl = libc.func('int fcntl(int, int, long)');

/** O_PATH: the descriptor names a file and neither opens it nor has an effect on a device. */
export const openPathOnly = 0o10000000;
const closeOnExec = 0o2000000;
const emptyPath = 0x1000;
const removeDirectory = 0x200;
const getEntriesNumber: Readonly<Record<string, number>> = { x64: 217, arm64: 61 };
const openAt2Number = 437;
const resolveInRootOnly = 0x10n | 0x02n;

/** openat(2); `flags` are `fs.constants.O_*`, to which O_NOFOLLOW is added. The caller closes what it gets. */
export function openAt(dirFd: number, name: FilePath, flags: number, mode = 0): number {
  const all = flags | constants.O_NOFOLLOW | closeOnExec;
  return checked(sysOpenAt(dirFd, terminated(name), all, mode) as number, 'openat', shown(name));
}

/** How often a look-up is tried again when a rename elsewhere disturbs it. */
const disturbedLimit = 1000;

/**
 * Opens `path` as a process would whose root directory is `rootFd`: absolute links and `..` stay inside, whatever others
 * change meanwhile (openat2(2), RESOLVE_IN_ROOT); mounts below it are crossed, the links of /proc are not.
 */
export function openBelow(rootFd: number, path: FilePath, flags: number, mode = 0): number {
  const how = BigUint64Array.of(BigInt(flags | closeOnExec), BigInt(mode), resolveInRootOnly);
  for (let tries = 1; ; tries++) {
    try {
      const fd = Number(sysOpenAt2(openAt2Number, rootFd, terminated(path), how, how.byteLength));
      return checked(fd, 'openat2', shown(path));
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) throw error;
      if (tries === disturbedLimit)
        throw new GantryError('unavailable', `${shown(path)} is renamed faster than it can be opened`, {
          cause: error,
        });
    }
  }
}

/** `openBelow` for a root given by its path. The caller closes what it gets. */
export function openInRoot(root: string, path: string, flags: number, mode = 0): number {
  const base = openSync(root, 'r');
  try {
    return openBelow(base, path, flags, mode);
  } finally {
    closeSync(base);
  }
}

/**
 * The root directory of a process as it sees it, with all that is mounted in its namespace (proc_pid_root(5)). The caller makes
 * sure that the process is the one it means, and closes what it gets.
 */
export function openProcessRoot(pid: number): number {
  return openSync(`/proc/${pid}/root`, openPathOnly | constants.O_DIRECTORY);
}

/** What is known of an open file, one opened by `openPathOnly` too. */
export function statOf(fd: number): BigIntStats {
  return fstatSync(fd, { bigint: true });
}

/** A path by which this process, and no other, reaches what a descriptor stands for. */
export function pathOf(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Opens for reading the regular file that a descriptor of `openPathOnly` names: nothing can be swapped in between. */
export function reopenForReading(fd: number): number {
  return openSync(pathOf(fd), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}

/** Sets permission bits of what a descriptor names, which is no symlink. */
export function setModeOf(fd: number, mode: number): void {
  chmodSync(pathOf(fd), mode);
}

export function makeDirectoryAt(dirFd: number, name: FilePath, mode: number): void {
  checked(sysMakeDirectoryAt(dirFd, terminated(name), mode) as number, 'mkdirat', shown(name));
}

export function makeSymlinkAt(target: FilePath, dirFd: number, name: FilePath): void {
  checked(sysMakeSymlinkAt(terminated(target), dirFd, terminated(name)) as number, 'symlinkat', shown(name));
}

/** Links `name` to what `targetName` is, a symlink itself and not where it leads. */
export function linkAt(targetDirFd: number, targetName: FilePath, dirFd: number, name: FilePath): void {
  const result = sysLinkAt(targetDirFd, terminated(targetName), dirFd, terminated(name), 0) as number;
  checked(result, 'linkat', shown(name));
}

/** Makes a device node or a FIFO; `mode` are the permission bits, less the umask. */
export function makeNodeAt(dirFd: number, name: FilePath, kind: NodeKind, mode: number, major = 0, minor = 0): void {
  const device = deviceNumber(major, minor);
  checked(sysMakeNodeAt(dirFd, terminated(name), nodeBits[kind] | mode, device) as number, 'mknodat', shown(name));
}

/** Removes a file, or with `isDirectory` an empty directory. */
export function unlinkAt(dirFd: number, name: FilePath, isDirectory = false): void {
  const flags = isDirectory ? removeDirectory : 0;
  checked(sysUnlinkAt(dirFd, terminated(name), flags) as number, 'unlinkat', shown(name));
}

/** The target of the symlink that a descriptor of `openPathOnly` names. */
export function linkTargetOf(fd: number): Buffer {
  const buffer = Buffer.allocUnsafe(4096);
  return Buffer.from(buffer.subarray(0, checked(Number(sysReadLinkAt(fd, '', buffer, buffer.length)), 'readlinkat')));
}

/** Sets the owner of what a descriptor names, of a symlink too. */
export function setOwnerOf(fd: number, uid: number, gid: number): void {
  checked(sysChangeOwnerAt(fd, '', uid, gid, emptyPath) as number, 'fchownat');
}

/** Sets the times, in nanoseconds since the epoch, of what a descriptor of `openPathOnly` names, of a symlink too. */
export function setTimesOfPath(fd: number, accessNs: bigint, modificationNs: bigint): void {
  checked(sysSetTimesAt(fd, '', timesOf(accessNs, modificationNs), emptyPath) as number, 'utimensat');
}

/** The names in an open directory, as bytes, without `.` and `..`, in the order of their bytes; none in one that was removed. */
export function namesIn(dirFd: number): Buffer[] {
  const number = getEntriesNumber[process.arch];
  if (number === undefined)
    throw new GantryError('notImplemented', `directories cannot be read on the architecture ${process.arch}`);
  const names: Buffer[] = [];
  const buffer = Buffer.alloc(32 * 1024);
  for (;;) {
    const filled = readEntries(number, dirFd, buffer);
    if (filled === 0) return names.toSorted((a, b) => Buffer.compare(a, b));
    for (let at = 0; at < filled; at += buffer.readUInt16LE(at + 16)) {
      // struct linux_dirent64: inode, offset, length of the record, type, name
      const end = buffer.indexOf(0, at + 19);
      const name = Buffer.from(buffer.subarray(at + 19, end));
      if (!isDots(name)) names.push(name);
    }
  }
}

function readEntries(number: number, dirFd: number, buffer: Buffer): number {
  try {
    return checked(Number(sysGetEntries(number, dirFd, buffer, buffer.length)), 'getdents64');
  } catch (error) {
    // Of a directory that has been removed since it was opened (getdents(2)).
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

function isDots(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

export interface FileSystemFacts {
  /** The magic number of its type (statfs(2)). */
  readonly type: number;
  /** The mount, not only the file system, refuses writes. */
  readonly isReadOnly: boolean;
}

/** What kind of mount an open file lies on. */
export function fileSystemOf(fd: number): FileSystemFacts {
  const buffer = Buffer.alloc(120);
  checked(sysStatFileSystem(fd, buffer) as number, 'fstatfs');
  return { type: Number(buffer.readBigInt64LE(0)), isReadOnly: (buffer.readBigInt64LE(80) & 1n) !== 0n };
}

const setPipeSize = 1031;
const pipeBytes = 1024 * 1024;

/** A pipe that holds up to a MiB. Both ends block, and are the caller's to close. */
export function makePipe(): { readonly readFd: number; readonly writeFd: number } {
  const ends = new Int32Array(2);
  checked(sysPipe(ends, closeOnExec) as number, 'pipe2');
  const [readFd = -1, writeFd = -1] = ends;
  // Refused to those who use up their share; the default size does as well.
  sysControl(writeFd, setPipeSize, pipeBytes);
  return { readFd, writeFd };
}
