/** Small files of a container's root, read as the container would see them: no path or link leads out of the root. */
import { closeSync, constants, fstatSync, readSync } from 'node:fs';

import { GantryError, hasCode } from '../base/index.ts';
import { openInRoot } from './relative.ts';

const absent = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/**
 * The text of a regular file inside `rootDir`; undefined when there is none (a device or FIFO counts as none). One of more
 * than `limitBytes` is `invalid`. Other failures throw the system error.
 */
export function readFileInRoot(rootDir: string, path: string, limitBytes: number): string | undefined {
  let fd: number;
  try {
    fd = openInRoot(rootDir, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (absent.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
  try {
    return fstatSync(fd).isFile() ? readBounded(fd, path, limitBytes) : undefined;
  } finally {
    closeSync(fd);
  }
}

function readBounded(fd: number, path: string, limitBytes: number): string {
  const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, limitBytes) + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.toString('utf8', 0, length);
    length += count;
  }
  throw new GantryError('invalid', `${path} of the container is larger than ${limitBytes} bytes`);
}
