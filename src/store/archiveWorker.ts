/**
 * Entry of the threads that copy files out of containers and into them. A thread does one job at a time and blocks on its
 * pipe: it reads no faster than the client takes, and no message reaches it meanwhile; closing the pipe ends the job.
 */
import { closeSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

import { bytesOf, type ByteString, type ChunkSource, GantryError, TarReader } from '../base/index.ts';
import {
  fileSystemOf,
  LostThreadError,
  openBelow,
  openPathOnly,
  openRootView,
  pathOf,
  readFileInRoot,
  statOf,
} from '../linux/index.ts';
import type { ArchiveAnswer, ArchiveJob, ArchiveTask, ContainerRoot } from './archiveJobs.ts';
import { archiveTree } from './archiveTree.ts';
import { extractTree, refuseKernelFileSystem } from './extractTree.ts';
import { containerPath, found, openContainerPath, pathStat } from './pathStat.ts';
import { compressionOf, decompressedStream } from './unpack/decompress.ts';
import { failureOf } from './workerFailure.ts';

const chunkBytes = 256 * 1024;
/** How an archive is compressed is told by so many bytes. */
const magicBytes = 10;

parentPort?.on('message', (job: ArchiveJob) => void perform(job));

function answer(said: ArchiveAnswer): void {
  parentPort?.postMessage(said);
}

async function perform({ root, task }: ArchiveJob): Promise<void> {
  try {
    const rootFd = openRoot(root);
    try {
      await performIn(rootFd, task);
    } finally {
      if (root.kind === 'view') closeSync(rootFd);
    }
    answer({ kind: 'done' });
  } catch (error) {
    // A thread that is lost in another namespace must do nothing more, not even answer: its end is the answer.
    if (error instanceof LostThreadError) process.exit(1);
    answer({ kind: 'failed', failure: failureOf(error) });
  }
}

function openRoot(root: ContainerRoot): number {
  return root.kind === 'open' ? root.fd : openRootView(root.plan);
}

async function performIn(rootFd: number, task: ArchiveTask): Promise<void> {
  switch (task.kind) {
    case 'stat':
      return stat(rootFd, task.path);
    case 'readTexts':
      return readTexts(rootFd, task.paths, task.limitBytes);
    case 'pack':
      return pack(rootFd, task);
    case 'export':
      return writeChunks(archiveTree({ fd: rootFd, path: '' }, { crossesMounts: false }), task.writeFd);
    case 'unpack':
      return await unpack(rootFd, task);
  }
}

function stat(rootFd: number, typed: string): void {
  const path = containerPath(typed);
  const fd = openContainerPath(rootFd, path);
  try {
    answer({ kind: 'told', told: { stat: pathStat(rootFd, fd, path) } });
  } finally {
    closeSync(fd);
  }
}

function readTexts(rootFd: number, paths: readonly string[], limitBytes: number): void {
  const texts = paths.map((path) => readFileInRoot(pathOf(rootFd), path, limitBytes));
  answer({ kind: 'told', told: { texts } });
}

function pack(rootFd: number, task: ArchiveTask & { kind: 'pack' }): void {
  const path = containerPath(task.path);
  const fd = openContainerPath(rootFd, path);
  try {
    answer({ kind: 'told', told: { stat: pathStat(rootFd, fd, path) } });
    // A running container's devices are the runtime's, and no files of its own: as with Docker, a copy of all has none.
    const devices = { '/': '/dev/', '/.': './dev/' }[path.path];
    const isExcluded = (each: string): boolean => devices !== undefined && each.startsWith(devices);
    writeChunks(archiveTree({ fd, path: path.name }, { isExcluded }), task.writeFd);
  } finally {
    closeSync(fd);
  }
}

/** Small chunks, headers mostly, go together: a system call costs more than a copy. */
function writeChunks(chunks: Iterable<Buffer>, fd: number): void {
  const batch = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  const flush = (): void => {
    writeAll(fd, batch.subarray(0, filled));
    filled = 0;
  };
  for (const chunk of chunks) {
    if (filled + chunk.length > chunkBytes) flush();
    if (chunk.length > chunkBytes / 4) {
      flush();
      writeAll(fd, chunk);
    } else {
      batch.set(chunk, filled);
      filled += chunk.length;
    }
  }
  flush();
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

async function unpack(rootFd: number, task: ArchiveTask & { kind: 'unpack' }): Promise<void> {
  const { path } = containerPath(task.path);
  const destination = path.replace(/(.)\/\.?$/, '$1').replace(/^\/\.$/, '/');
  refuseUnwritable(rootFd, destination, task.isRootReadOnly);
  const first = readSome(task.readFd, Buffer.allocUnsafeSlow(chunkBytes));
  // An empty body is an empty archive.
  if (first === undefined) return;
  refuseUnknownCompression(first);
  if (compressionOf(first) === 'none')
    return await unpackPlain(rootFd, destination, plainSource(task.readFd, first), task);
  const all = compressedChunks(task.readFd, first);
  await decompressedStream(all, first.subarray(0, magicBytes), async (plain) => {
    const iterator = plain[Symbol.asyncIterator]();
    const source = async (): Promise<Buffer | undefined> => {
      const { done, value } = await iterator.next();
      return done === true ? undefined : value;
    };
    await unpackPlain(rootFd, destination, source, task);
  });
}

async function unpackPlain(
  rootFd: number,
  destination: ByteString,
  source: ChunkSource,
  { options }: ArchiveTask & { kind: 'unpack' },
): Promise<void> {
  const reader = new TarReader(source);
  await extractTree(rootFd, destination, reader, options);
  await reader.drain();
}

/** Throws `notFound`, `invalid` for what is no directory, `forbidden` where nothing may be written. */
function refuseUnwritable(rootFd: number, destination: string, isRootReadOnly: boolean): void {
  const fd = found(destination, () => openBelow(rootFd, bytesOf(destination), openPathOnly));
  try {
    if (!statOf(fd).isDirectory()) throw new GantryError('invalid', 'extraction point is not a directory');
    refuseKernelFileSystem(fd, destination);
    const isOnRoot = statOf(fd).dev === statOf(rootFd).dev;
    if (isOnRoot && (isRootReadOnly || fileSystemOf(fd).isReadOnly))
      throw new GantryError('forbidden', 'container rootfs is marked read-only');
    if (fileSystemOf(fd).isReadOnly) throw new GantryError('forbidden', 'mounted volume is marked read-only');
  } finally {
    closeSync(fd);
  }
}

/** Throws `notImplemented` for bzip2 and xz, which Docker takes. */
function refuseUnknownCompression(start: Buffer): void {
  const isBzip2 = /^BZh[1-9]1AY&SY/.test(start.toString('latin1', 0, magicBytes));
  const isXz = start.toString('latin1', 0, 6) === '\xfd7zXZ\0';
  if (!isBzip2 && !isXz) return;
  const name = isBzip2 ? 'bzip2' : 'xz';
  const how = 'send it plain, or compressed with gzip or zstd';
  throw new GantryError('notImplemented', `archives compressed with ${name} cannot be unpacked: ${how}`);
}

/** The chunks of a pipe in the first one's buffer, over and over. */
function plainSource(fd: number, first: Buffer): ChunkSource {
  const buffer = Buffer.from(first.buffer);
  let next: Buffer | undefined = first;
  return () => {
    const chunk = next ?? readSome(fd, buffer);
    next = undefined;
    return Promise.resolve(chunk);
  };
}

/** A decompressor may hold several at a time: each has a buffer of its own. */
async function* compressedChunks(fd: number, first: Buffer): AsyncGenerator<Buffer, void> {
  for (let chunk: Buffer | undefined = first; chunk !== undefined;) {
    yield chunk;
    chunk = readSome(fd, Buffer.allocUnsafeSlow(chunkBytes));
  }
}

/**
 * Reads what is there, but waits for `magicBytes` at least: a client may send as little at a time as it likes. Undefined at the
 * end.
 */
function readSome(fd: number, buffer: Buffer): Buffer | undefined {
  let filled = 0;
  while (filled < magicBytes) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, null);
    if (count === 0) break;
    filled += count;
  }
  return filled === 0 ? undefined : buffer.subarray(0, filled);
}
