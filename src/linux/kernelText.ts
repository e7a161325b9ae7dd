/** Small files of /proc and the cgroup file systems, which are made when they are read: never cached, quickly read whole. */
import { closeSync, openSync, readSync } from 'node:fs';

import { hasCode } from '../base/index.ts';

const readBytes = 64 * 1024;
/** Reads are synchronous: one buffer serves all. */
const buffer = Buffer.allocUnsafe(readBytes);

/** What the kernel answers for what has gone, or was never there. */
const absent = ['ENOENT', 'ENODEV', 'ENOTDIR', 'ESRCH', 'EINVAL'];

/**
 * The text of a kernel file, of at most 64 KiB; undefined when it is not there or its owner has gone. Some 10 us: a
 * sample of a container takes a dozen of these. Throws the system error of anything else.
 */
export function readKernelText(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      return readWhole(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (absent.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

function readWhole(fd: number): string {
  let length = 0;
  while (length < readBytes) {
    const count = readSync(fd, buffer, length, readBytes - length, null);
    if (count === 0) break;
    length += count;
  }
  return buffer.toString('latin1', 0, length);
}

/** The one number that a kernel file holds; `max` is Infinity, an absent or unreadable one undefined. */
export function readKernelNumber(path: string): number | undefined {
  const text = readKernelText(path)?.trim();
  if (text === undefined || text === '') return undefined;
  return text === 'max' ? Infinity : Number(text);
}

/** Lines `name value` (flat keyed files, cgroup-v2.rst), in the file's order; empty for an absent file. */
export function readKernelPairs(path: string): Map<string, number> {
  return parsePairs(readKernelText(path) ?? '');
}

function parsePairs(text: string): Map<string, number> {
  const pairs = new Map<string, number>();
  for (const line of text.split('\n')) {
    const blank = line.indexOf(' ');
    if (blank > 0) pairs.set(line.slice(0, blank), Number(line.slice(blank + 1)));
  }
  return pairs;
}
