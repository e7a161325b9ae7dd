import { rmSync } from 'node:fs';

import type { EngineParts } from './parts.ts';

/**
 * Unmounts a container's root and removes the directory of its process. The second never without the first: it would reach
 * the container's own files through the mount.
 */
export async function removeProcessDirectory(
  { execPaths, mounter }: Pick<EngineParts, 'execPaths' | 'mounter'>,
  id: string,
): Promise<void> {
  const { dir, rootfs } = execPaths.container(id);
  await mounter.unmount(rootfs, { lazy: true });
  rmSync(dir, { recursive: true, force: true });
}
