import { closeSync, constants } from 'node:fs';

import { GantryError, hasCode } from '../base/index.ts';
import { namesIn, openAt, unlinkAt } from '../linux/index.ts';

/** One descriptor is open on each level. */
const depthLimit = 1000;

/**
 * Removes a file, or a directory with all that is in it, by its name in an open directory. Follows no link, and never leaves
 * what it was given however it is changed meanwhile. What is gone already is no error. Throws the system error.
 */
export function removeAt(dirFd: number, name: Buffer, depth = 0): void {
  if (unlink(dirFd, name)) return;
  if (depth === depthLimit) throw new GantryError('invalid', `a directory lies more than ${depthLimit} levels deep`);
  const fd = openAt(dirFd, name, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const child of namesIn(fd)) removeAt(fd, child, depth + 1);
  } finally {
    closeSync(fd);
  }
  unlinkAt(dirFd, name, true);
}

/** False for a directory. */
function unlink(dirFd: number, name: Buffer): boolean {
  try {
    unlinkAt(dirFd, name);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true;
    if (hasCode(error, 'EISDIR')) return false;
    throw error;
  }
}
