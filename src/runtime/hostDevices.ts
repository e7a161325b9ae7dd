import { lstatSync, readdirSync, statSync, type Dirent, type Stats } from 'node:fs';
import { join } from 'node:path';

import { GantryError, hasCode } from '../base/index.ts';
import type { HostDevice } from './specInput.ts';

/** Below /dev, what belongs to a terminal or a container's own mounts and is not passed on. */
const ownNames = new Set(['pts', 'shm', 'fd', 'mqueue', 'console', '.lxc', '.lxd-mounts', '.udev']);

/** A directory of devices has some hundred entries; reading this many takes about a tenth of a second. */
const mostEntriesByDefault = 50_000;

/** Splits a dev_t as glibc packs it (makedev(3)). */
export function deviceNumber(packed: number): { major: number; minor: number } {
  const number = BigInt(packed);
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xffff_f000n)),
    minor: Number((number & 0xffn) | ((number >> 12n) & 0xffff_ff00n)),
  };
}

function deviceOf(path: string, stat: Stats | undefined): HostDevice[] {
  if (stat === undefined || !(stat.isBlockDevice() || stat.isCharacterDevice())) return [];
  const type = stat.isBlockDevice() ? 'b' : 'c';
  return [{ path, type, ...deviceNumber(stat.rdev), mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid }];
}

/** What is in a directory; nothing when it has gone meanwhile. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
}

function devicesBelow(root: string, mostEntries: number): HostDevice[] {
  const found: HostDevice[] = [];
  let left = mostEntries;
  for (const directories = [root]; ;) {
    const directory = directories.pop();
    if (directory === undefined) return found;
    const entries = entriesOf(directory);
    left -= entries.length;
    if (left < 0) throw new GantryError('invalid', `"${root}" is no directory of devices: it holds too many files`);
    for (const entry of entries.filter(({ name }) => !ownNames.has(name))) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) directories.push(path);
      else if (!entry.isFile()) found.push(...deviceOf(path, lstatSync(path, { throwIfNoEntry: false })));
    }
  }
}

/**
 * Device nodes at or below a host path; undefined when there is no such path. A symbolic link at the path itself is followed, as
 * Docker does; others are not. Throws `invalid` for a directory with more than `mostEntries` entries below it: one that somebody
 * names by mistake must not hold the daemon up.
 */
export function findDevices(path: string, mostEntries = mostEntriesByDefault): readonly HostDevice[] | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isDirectory() ? devicesBelow(path, mostEntries) : deviceOf(path, stat);
}
