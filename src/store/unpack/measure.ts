import { lstatSync, readdirSync } from 'node:fs';

import { toByteString, type ByteString } from '../../base/index.ts';
import type { SnapshotUsage } from '../snapshotter.ts';
import { osPath } from './layerTree.ts';

/**
 * What a tree holds: the apparent sizes of its regular files, hard links counted once as Docker does, and its inodes.
 * Files that vanish meanwhile are left out. Blocks its thread: not for the main thread.
 */
export function measureTree(path: string): SnapshotUsage {
  const linked = new Set<number>();
  let sizeBytes = 0;
  let inodes = 1;
  const visit = (directory: ByteString): void => {
    for (const entry of readdirSync(osPath(directory), { withFileTypes: true, encoding: 'buffer' })) {
      const child = `${directory}/${toByteString(entry.name)}`;
      const stat = entry.isFile() ? lstatSync(osPath(child), { throwIfNoEntry: false }) : undefined;
      if (entry.isFile() && (stat === undefined || linked.has(stat.ino))) continue;
      if (stat !== undefined && stat.nlink > 1) linked.add(stat.ino);
      sizeBytes += stat?.size ?? 0;
      inodes++;
      if (entry.isDirectory()) visit(child);
    }
  };
  visit(toByteString(path));
  return { sizeBytes, inodes };
}
