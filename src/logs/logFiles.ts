/**
 * The files of one log: `path` is written, `path.1` is the one before it, up to `path.{maxFiles - 1}`; rotated ones may be
 * compressed (`path.1.gz`). Every step leaves files that the next start can go on with.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { hasCode } from '../base/index.ts';

const blockBytes = 64 * 1024;
const lineFeed = 10;

/** Opens a file to be read; undefined when it is not there. */
export async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function renameIfPresent(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Makes room for a new file at `path`: shifts the rotated ones by one, dropping the oldest. */
export async function shiftFiles(path: string, maxFiles: number): Promise<void> {
  if (maxFiles === 1) return rm(path, { force: true });
  for (let index = maxFiles - 1; index > 1; index--) {
    await rm(`${path}.${index}`, { force: true });
    await rm(`${path}.${index}.gz`, { force: true });
    await renameIfPresent(`${path}.${index - 1}`, `${path}.${index}`);
    await renameIfPresent(`${path}.${index - 1}.gz`, `${path}.${index}.gz`);
  }
  await rm(`${path}.1.gz`, { force: true });
  return renameIfPresent(path, `${path}.1`);
}

/** Compresses a rotated file. The plain one goes when the other is complete; readers prefer it until then. */
export async function compressFile(path: string): Promise<void> {
  const partial = `${path}.gz.partial`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: 0o640 }));
  await rename(partial, `${path}.gz`);
  await rm(path);
}

/** Removes all files of a log. */
export async function removeFiles(path: string, maxFiles: number): Promise<void> {
  await rm(path, { force: true });
  for (let index = 1; index < maxFiles; index++) {
    for (const suffix of ['', '.gz', '.gz.partial']) await rm(`${path}.${index}${suffix}`, { force: true });
  }
}

/**
 * Where the last `lines` lines of the first `endBytes` begin, read backwards. When there are fewer, `missing` says how many.
 * What follows the last line feed is no line.
 */
export async function findTail(
  file: FileHandle,
  endBytes: number,
  lines: number,
): Promise<{ readonly offset: number; readonly missing: number }> {
  const block = Buffer.allocUnsafe(blockBytes);
  // One more: the line feed before the first of the lines, or the one that ends the last.
  let wanted = lines + 1;
  for (let end = endBytes; end > 0; end -= blockBytes) {
    const start = Math.max(end - blockBytes, 0);
    const { bytesRead } = await file.read(block, 0, end - start, start);
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
export async function wholeLinesBytes(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const { offset } = await findTail(file, size, 0);
  return offset;
}
