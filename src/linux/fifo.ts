/** Named pipes (fifo(7)): what a process writes waits in the kernel for whoever reads, whether the daemon runs or not. */
import { chownSync } from 'node:fs';

import { checked, libc } from './libc.ts';

const mkfifo = libc.func('int mkfifo(const char *path, unsigned int mode)');
const fcntl = libc.func('int fcntl(int fd, int command, long argument)');
const ioctlNumber = libc.func('int ioctl(int fd, unsigned long request, _Out_ int *value)');

const setPipeSize = 1031;
const bytesReadable = 0x541b;

/** Makes a FIFO that `owner` and root may open. Throws the system error (`EEXIST`). */
export function makeFifo(path: string, owner: { readonly uid: number; readonly gid: number }): void {
  checked(mkfifo(path, 0o600) as number, 'mkfifo', path);
  if (owner.uid !== 0 || owner.gid !== 0) chownSync(path, owner.uid, owner.gid);
}

/** Makes a pipe hold `sizeBytes` at once. A host that allows less keeps what it has: only speed is lost. */
export function growPipe(fd: number, sizeBytes: number): void {
  fcntl(fd, setPipeSize, sizeBytes);
}

/** Bytes that wait in a pipe or terminal to be read (FIONREAD). Throws the system error. */
export function readableBytes(fd: number): number {
  const value = [0];
  checked(ioctlNumber(fd, bytesReadable, value) as number, 'ioctl', 'FIONREAD');
  return value[0] ?? 0;
}
