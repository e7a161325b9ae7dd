import type { ContainerChange } from '../api/index.ts';
import type { SnapshotChange } from '../store/index.ts';

import type { EngineParts } from './parts.ts';

/**
 * What the engine and the runtime make in every container's root: mount points, and the mark of a container. As with Docker
 * they are none of its changes, unless something is put into them.
 */
export const madePaths: readonly string[] = [
  '/.dockerenv',
  '/dev',
  '/dev/console',
  '/dev/pts',
  '/dev/shm',
  '/etc',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/mtab',
  '/etc/resolv.conf',
  '/proc',
  '/sys',
];

const kinds: Readonly<Record<SnapshotChange['kind'], ContainerChange['Kind']>> = { modified: 0, added: 1, deleted: 2 };

/** GET /containers/{id}/changes: what is different from the image; null when nothing is. */
export async function containerChanges(
  { containers, snapshots }: Pick<EngineParts, 'containers' | 'snapshots'>,
  ref: string,
): Promise<ContainerChange[] | null> {
  const changes = await snapshots.changes(containers.find(ref).id, madePaths);
  return changes.length === 0 ? null : changes.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] }));
}
