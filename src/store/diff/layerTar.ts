/** Writes the changes of an upper directory as a layer (OCI image spec, layer.md, "Change Types" and "Whiteouts"). */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

import {
  deviceNumbersOf,
  encodeHeader,
  endOfArchive,
  GantryError,
  paddingOf,
  shownName,
  toByteString,
  type ByteString,
  type EntryType,
  type WritableEntry,
} from '../../base/index.ts';
import { linkTargetOf, reopenForReading } from '../../linux/index.ts';
import { isDigest } from '../../oci/index.ts';
import type { WrittenLayer } from '../snapshotter.ts';
import { type Attributes } from '../unpack/metadata.ts';
import { madeNames, type DiffJob } from './changeList.ts';
import { walkDiff, type DiffSink, type UpperNode } from './layerDiff.ts';

export interface LayerJob extends DiffJob {
  /** The file to write; it does not exist. */
  readonly path: string;
  /** Upper bound for the bytes of the archive. */
  readonly limitBytes: number;
}

const bufferBytes = 1024 * 1024;
const second = 1_000_000_000n;
/** The label that the host's SELinux policy gives a file says nothing elsewhere. */
const hostAttributes = new Set(['security.selinux']);

/**
 * Writes the layer of `job` to its file, and to the disk. The same changes give the same bytes: names are in order, times are
 * cut to seconds, as Docker does. Blocks its thread: not for the main thread.
 */
export function writeLayerTar(job: LayerJob): WrittenLayer {
  const fd = openSync(job.path, 'wx', 0o600);
  try {
    const archive = new LayerArchive(fd, job.limitBytes);
    walkDiff(job.upper, job.lowers, madeNames(job), archive);
    const written = archive.finish();
    fsyncSync(fd);
    return written;
  } catch (error) {
    rmSync(job.path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

const nothing: Omit<WritableEntry, 'path'> = {
  type: 'file',
  mode: 0o600,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeNs: 0n,
  linkPath: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

class LayerArchive implements DiffSink {
  readonly #fd: number;
  readonly #limitBytes: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  /** Where files with several names were written first, by inode. */
  readonly #linked = new Map<bigint, ByteString>();
  #filled = 0;
  #sizeBytes = 0;

  constructor(fd: number, limitBytes: number) {
    this.#fd = fd;
    this.#limitBytes = limitBytes;
  }

  change(): void {}

  entry(path: ByteString, node: UpperNode): void {
    const { stat } = node;
    // A socket is nothing without the process that listens.
    if (stat.isSocket()) return;
    const first = stat.isDirectory() || stat.nlink < 2n ? undefined : this.#linked.get(stat.ino);
    if (first !== undefined)
      return this.#append(encodeHeader({ ...headOf(path, node), type: 'hardlink', linkPath: first }));
    if (stat.nlink > 1n && !stat.isDirectory()) this.#linked.set(stat.ino, path);
    if (stat.isFile()) return this.#file(path, node);
    this.#append(encodeHeader({ ...headOf(path, node), ...specialsOf(node) }));
  }

  whiteout(path: ByteString): void {
    const at = path.lastIndexOf('/') + 1;
    this.#append(encodeHeader({ ...nothing, path: `${path.slice(0, at)}.wh.${path.slice(at)}` }));
  }

  opaque(path: ByteString): void {
    this.#append(encodeHeader({ ...nothing, path: `${path}/.wh..wh..opq` }));
  }

  finish(): WrittenLayer {
    const isEmpty = this.#sizeBytes === 0;
    this.#append(endOfArchive());
    this.#flush();
    const digest = `sha256:${this.#hash.digest('hex')}`;
    if (!isDigest(digest)) throw new GantryError('internal', `${digest} is no digest`);
    return { digest, sizeBytes: this.#sizeBytes, isEmpty };
  }

  #file(path: ByteString, node: UpperNode): void {
    const sizeBytes = Number(node.stat.size);
    this.#append(encodeHeader({ ...headOf(path, node), sizeBytes }), sizeBytes);
    const fd = reopenForReading(node.fd);
    try {
      this.#content(fd, sizeBytes);
    } finally {
      closeSync(fd);
    }
    this.#append(paddingOf(sizeBytes));
  }

  /** Exactly `sizeBytes`, whatever happens to the file meanwhile: zeros where it has become shorter. */
  #content(fd: number, sizeBytes: number): void {
    for (let left = sizeBytes; left > 0;) {
      if (this.#filled === bufferBytes) this.#flush();
      const room = Math.min(left, bufferBytes - this.#filled);
      const count = readSync(fd, this.#buffer, this.#filled, room, null);
      if (count === 0) this.#buffer.fill(0, this.#filled, this.#filled + room);
      const taken = count === 0 ? room : count;
      this.#filled += taken;
      this.#sizeBytes += taken;
      left -= taken;
    }
  }

  /** `aheadBytes` are to follow; what would be too much is refused before it is written. */
  #append(bytes: Buffer, aheadBytes = 0): void {
    if (this.#sizeBytes + bytes.length + aheadBytes > this.#limitBytes)
      throw new GantryError('invalid', `the changes are more than the ${this.#limitBytes} bytes that a layer may have`);
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === bufferBytes) this.#flush();
      const count = bytes.copy(this.#buffer, this.#filled, at);
      this.#filled += count;
      at += count;
    }
    this.#sizeBytes += bytes.length;
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
    this.#filled = 0;
  }
}

function headOf(path: ByteString, { stat, xattrs }: UpperNode): WritableEntry {
  return {
    ...nothing,
    path: stat.isDirectory() ? `${path}/` : path,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeNs: (stat.mtimeNs / second) * second,
    xattrs: withoutHost(path, xattrs()),
  };
}

function withoutHost(path: ByteString, xattrs: Attributes): Attributes {
  for (const name of xattrs.keys())
    if (name.includes('='))
      throw new GantryError('invalid', `${shownName(path)} has an attribute that no layer can hold`);
  return new Map([...xattrs].filter(([name]) => !hostAttributes.has(name)));
}

/** What is particular of a node that is no regular file. */
function specialsOf({ fd, stat }: UpperNode): Partial<WritableEntry> & { readonly type: EntryType } {
  if (stat.isDirectory()) return { type: 'directory' };
  if (stat.isSymbolicLink()) return { type: 'symlink', linkPath: toByteString(linkTargetOf(fd)) };
  if (stat.isFIFO()) return { type: 'fifo' };
  const type = stat.isBlockDevice() ? 'blockDevice' : 'characterDevice';
  return { type, ...deviceNumbersOf(type, stat.rdev) };
}
