/**
 * The files of one log: `path` is written, `path.1` is the one before it, up to `path.{maxFiles - 1}`; rotated ones may be
 * compressed (`path.1.gz`). Every step leaves files that the next start can go on with.
 */
import { openSync, read, renameSync, rmSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

import { hasCode } from '../base/index.ts';

export interface FileSettings {
  /** Undefined: never rotated. */
  readonly maxSizeBytes: number | undefined;
  readonly maxFiles: number;
  readonly compress: boolean;
}

const blockBytes = 64 * 1024;
const lineFeed = 10;

/** Reads from a place in a file; gives the bytes read, 0 at its end. */
export const readAt = promisify(
  (fd: number, buffer: Buffer, position: number, done: (error: Error | null, bytesRead?: number) => void) => {
    read(fd, buffer, 0, buffer.length, position, done);
  },
) as (fd: number, buffer: Buffer, position: number) => Promise<number>;

/** Opens a file to be read; undefined when it is not there. */
export function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function renameIfPresent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Makes room for a new file at `path`: shifts the rotated ones by one, dropping the oldest. */
export function shiftFiles(path: string, maxFiles: number): void {
  if (maxFiles === 1) return rmSync(path, { force: true });
  for (let index = maxFiles - 1; index > 1; index--) {
    rmSync(`${path}.${index}`, { force: true });
    rmSync(`${path}.${index}.gz`, { force: true });
    renameIfPresent(`${path}.${index - 1}`, `${path}.${index}`);
    renameIfPresent(`${path}.${index - 1}.gz`, `${path}.${index}.gz`);
  }
  rmSync(`${path}.1.gz`, { force: true });
  return renameIfPresent(path, `${path}.1`);
}

/** Where a file is compressed to, until it is complete. */
export function partialPath(path: string): string {
  return `${path}.gz.partial`;
}

/** Removes all files of a log. */
export async function removeFiles(path: string, maxFiles: number): Promise<void> {
  for (const file of [path, partialPath(path)]) await rm(file, { force: true });
  for (let index = 1; index < maxFiles; index++) {
    for (const suffix of ['', '.gz']) await rm(`${path}.${index}${suffix}`, { force: true });
  }
}

/**
 * Where the last `lines` lines of the first `endBytes` begin, read backwards. When there are fewer, `missing` says how many.
 * What follows the last line feed is no line.
 */
export async function findTail(
  fd: number,
  endBytes: number,
  lines: number,
): Promise<{ readonly offset: number; readonly missing: number }> {
  const block = Buffer.allocUnsafe(blockBytes);
  // One more: the line feed before the first of the lines, or the one that ends the last.
  let wanted = lines + 1;
  for (let end = endBytes; end > 0; end -= blockBytes) {
    const start = Math.max(end - blockBytes, 0);
    const bytesRead = await readAt(fd, block.subarray(0, end - start), start);
    for (let at = lastFeed(block, bytesRead); at >= 0; at = lastFeed(block, at)) {
      if (--wanted === 0) return { offset: start + at + 1, missing: 0 };
    }
  }
  return { offset: 0, missing: wanted - 1 };
}

/** The last line feed before `end`, or -1. */
function lastFeed(block: Buffer, end: number): number {
  return end === 0 ? -1 : block.subarray(0, end).lastIndexOf(lineFeed);
}

/** Bytes of the whole lines in a file: a crash may leave a torn one at the end. */
export async function wholeLinesBytes(fd: number, path: string): Promise<number> {
  const { size } = await stat(path);
  const { offset } = await findTail(fd, size, 0);
  return offset;
}
