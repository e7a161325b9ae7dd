/** What an archive says of a file that lies on a disk. */
import type { BigIntStats } from 'node:fs';

import type { EntryType } from './entry.ts';
import type { WritableEntry } from './writer.ts';

/** Undefined for a socket, which an archive cannot hold. */
export function entryTypeOf(stat: BigIntStats): EntryType | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice()) return 'characterDevice';
  return stat.isBlockDevice() ? 'blockDevice' : undefined;
}

/** The numbers of a device by its `st_rdev` (major(3), minor(3)); those of anything else are 0. */
export function deviceNumbersOf(type: EntryType, rdev: bigint): { deviceMajor: number; deviceMinor: number } {
  if (type !== 'characterDevice' && type !== 'blockDevice') return { deviceMajor: 0, deviceMinor: 0 };
  return {
    deviceMajor: Number(((rdev >> 32n) & 0xfffff000n) | ((rdev >> 8n) & 0xfffn)),
    deviceMinor: Number(((rdev >> 12n) & 0xffffff00n) | (rdev & 0xffn)),
  };
}

/** What an entry of this type says of a file by its `stat` alone; times in whole seconds, as archives of copies have them. */
export function attributesOf(type: EntryType, stat: BigIntStats): Omit<WritableEntry, 'path' | 'linkPath' | 'xattrs'> {
  return {
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    sizeBytes: type === 'file' ? Number(stat.size) : 0,
    mtimeNs: stat.mtimeNs - (stat.mtimeNs % 1_000_000_000n),
    ...deviceNumbersOf(type, stat.rdev),
  };
}
