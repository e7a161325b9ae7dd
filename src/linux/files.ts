/**
 * File-system calls that Node lacks: extended attributes, device nodes, times in nanoseconds, look-ups that cannot leave
 * a root. None follows a symbolic link in the last component. A path is text, or a Buffer where names need not be UTF-8.
 */
import { closeSync, openSync } from 'node:fs';

import { hasCode } from '../base/index.ts';
import { deviceNumber, nodeBits, shown, terminated, timesOf, type FilePath, type NodeKind } from './fileArguments.ts';
import { checked, libc } from './libc.ts';

export type { FilePath, NodeKind } from './fileArguments.ts';

const currentDirectory = -100;
const noFollow = 0x100;

const sysSetXattr = libc.func('int lsetxattr(const char *, const char *, const void *, size_t, int)');
const sysGetXattr = libc.func('long lgetxattr(const char *, const char *, void *, size_t)');
const sysRemoveXattr = libc.func('int lremovexattr(const char *, const char *)');
const sysListXattr = libc.func('long llistxattr(const char *, void *, size_t)');
const sysMakeNode = libc.func('int mknodat(int, const char *, unsigned int, uint64_t)');
const sysSetTimes = libc.func('int utimensat(int, const char *, const int64_t *, int)');
const sysSetTimesOf = libc.func('int futimens(int, const int64_t *)');
const sysSyncFileSystem = libc.func('int syncfs(int)');

/** Sets an extended attribute, replacing one of that name. Throws the system error. */
export function setXattr(path: FilePath, name: FilePath, value: Uint8Array): void {
  checked(sysSetXattr(terminated(path), terminated(name), value, value.length, 0) as number, 'lsetxattr', shown(path));
}

/** Value of an extended attribute; undefined when it is not there or the file system has none. */
export function getXattr(path: FilePath, name: FilePath): Buffer | undefined {
  return orAbsent(() =>
    readSized((buffer) =>
      checked(Number(sysGetXattr(terminated(path), terminated(name), buffer, buffer.length)), 'lgetxattr', shown(path)),
    ),
  );
}

/** Removes an extended attribute; one that is not there is no error. */
export function removeXattr(path: FilePath, name: FilePath): void {
  orAbsent(() => checked(sysRemoveXattr(terminated(path), terminated(name)) as number, 'lremovexattr', shown(path)));
}

/** Names of a file's extended attributes, each byte a character (latin1); none where the file system has none. */
export function listXattrs(path: FilePath): string[] {
  const names = orAbsent(() =>
    readSized((buffer) =>
      checked(Number(sysListXattr(terminated(path), buffer, buffer.length)), 'llistxattr', shown(path)),
    ),
  );
  return names === undefined
    ? []
    : names
        .toString('latin1')
        .split('\0')
        .filter((name) => name !== '');
}

/** Makes a device node or a FIFO; `mode` are the permission bits, less the umask. */
export function makeNode(path: FilePath, kind: NodeKind, mode: number, major = 0, minor = 0): void {
  const device = deviceNumber(major, minor);
  checked(
    sysMakeNode(currentDirectory, terminated(path), nodeBits[kind] | mode, device) as number,
    'mknod',
    shown(path),
  );
}

/** Sets access and modification time, in nanoseconds since the epoch; the kernel clamps what the file system cannot hold. */
export function setTimes(path: FilePath, accessNs: bigint, modificationNs: bigint): void {
  const times = timesOf(accessNs, modificationNs);
  checked(sysSetTimes(currentDirectory, terminated(path), times, noFollow) as number, 'utimensat', shown(path));
}

/** `setTimes` for an open file. */
export function setTimesOf(fd: number, accessNs: bigint, modificationNs: bigint): void {
  checked(sysSetTimesOf(fd, timesOf(accessNs, modificationNs)) as number, 'futimens');
}

/** Writes everything of the file system that holds `path` to the disk. Blocks: not for the main thread. */
export function syncFileSystem(path: FilePath): void {
  const fd = openSync(path, 'r');
  try {
    checked(sysSyncFileSystem(fd) as number, 'syncfs', shown(path));
  } finally {
    closeSync(fd);
  }
}

/** Calls `read` with a buffer that is large enough: first a small one, then the largest that an attribute can fill. */
export function readSized(read: (buffer: Buffer) => number): Buffer {
  for (const sizeBytes of [256, 65_536]) {
    const buffer = Buffer.allocUnsafe(sizeBytes);
    try {
      return buffer.subarray(0, read(buffer));
    } catch (error) {
      if (sizeBytes === 65_536 || !hasCode(error, 'ERANGE')) throw error;
    }
  }
  return Buffer.alloc(0);
}

export function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, 'ENODATA') || hasCode(error, 'EOPNOTSUPP') || hasCode(error, 'ENOTSUP')) return undefined;
    throw error;
  }
}
