/** Extended attributes of what a descriptor names; one of `openPathOnly` does, and may be a symlink's. */
import { orAbsent, readSized } from './files.ts';
import { shown, terminated, type FilePath } from './fileArguments.ts';
import { checked, libc } from './libc.ts';
import { pathOf } from './relative.ts';

// The paths are links of /proc, which these follow to the file itself.
const sysSetXattr = libc.func('int setxattr(const char *, const char *, const void *, size_t, int)');
const sysGetXattr = libc.func('long getxattr(const char *, const char *, void *, size_t)');
const sysListXattr = libc.func('long listxattr(const char *, void *, size_t)');
const sysGetXattrOfOpen = libc.func('long fgetxattr(int, const char *, void *, size_t)');
const sysListXattrOfOpen = libc.func('long flistxattr(int, void *, size_t)');

/** Sets an extended attribute, replacing one of that name. Throws the system error. */
export function setXattrOf(fd: number, name: FilePath, value: Uint8Array): void {
  const result = sysSetXattr(pathOf(fd), terminated(name), value, value.length, 0) as number;
  checked(result, 'setxattr', shown(name));
}

/** Value of an extended attribute; undefined when it is not there or the file system has none. */
export function getXattrOf(fd: number, name: FilePath): Buffer | undefined {
  return valueFrom((buffer) =>
    checked(Number(sysGetXattr(pathOf(fd), terminated(name), buffer, buffer.length)), 'getxattr', shown(name)),
  );
}

/** `getXattrOf` for a file that is open: no path is looked up. */
export function getXattrOfOpen(fd: number, name: FilePath): Buffer | undefined {
  return valueFrom((buffer) =>
    checked(Number(sysGetXattrOfOpen(fd, terminated(name), buffer, buffer.length)), 'fgetxattr', shown(name)),
  );
}

/** Names of the extended attributes, each byte a character (latin1); none where the file system has none. */
export function listXattrsOf(fd: number): string[] {
  return namesFrom((buffer) => checked(Number(sysListXattr(pathOf(fd), buffer, buffer.length)), 'listxattr'));
}

/** `listXattrsOf` for a file that is open: no path is looked up. */
export function listXattrsOfOpen(fd: number): string[] {
  return namesFrom((buffer) => checked(Number(sysListXattrOfOpen(fd, buffer, buffer.length)), 'flistxattr'));
}

function valueFrom(read: (buffer: Buffer) => number): Buffer | undefined {
  return orAbsent(() => readSized(read));
}

function namesFrom(read: (buffer: Buffer) => number): string[] {
  const names = valueFrom(read);
  if (names === undefined || names.length === 0) return [];
  return names
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '');
}
