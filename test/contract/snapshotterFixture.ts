/** Snapshots for the tests of a Snapshotter: layers made by code, mounts for as long as a look takes. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { packTar, type PackEntry } from '../../src/base/index.ts';
import { kernelMounter } from '../../src/linux/index.ts';
import { digestOf } from '../../src/oci/index.ts';
import type { LayerSource, Snapshotter } from '../../src/store/index.ts';

export interface SnapshotterFixture {
  readonly snapshotter: Snapshotter;
  /** Opens the same snapshots as a restarted daemon does. */
  readonly reopen: () => Snapshotter;
  /** A directory for the test; what it holds and mounts goes when the test ends. */
  readonly scratch: string;
}

/** `archive` as a layer. */
export function layerOf(scratch: string, archive: Buffer, blob: Buffer = archive): LayerSource {
  const path = join(mkdtempSync(join(scratch, 'blob-')), 'blob');
  writeFileSync(path, blob);
  return { path, mediaType: 'application/vnd.oci.image.layer.v1.tar', diffId: digestOf(archive) };
}

/** Commits a layer of `archive` as `name`. */
export async function addLayer(
  { snapshotter, scratch }: SnapshotterFixture,
  name: string,
  parent: string | undefined,
  archive: Buffer | PackEntry[],
): Promise<void> {
  await snapshotter.prepare(`${name}-key`, parent);
  const bytes = Buffer.isBuffer(archive) ? archive : packTar(archive);
  await snapshotter.apply(`${name}-key`, layerOf(scratch, bytes, gzipSync(bytes, { level: 1 })));
  await snapshotter.commit(name, `${name}-key`);
}

/** Mounts `key` for as long as `look` takes. */
export async function mounted<T>(
  { snapshotter, scratch }: Pick<SnapshotterFixture, 'snapshotter' | 'scratch'>,
  key: string,
  look: (root: string) => T | Promise<T>,
): Promise<T> {
  const target = mkdtempSync(join(scratch, 'mount-'));
  kernelMounter.mount(snapshotter.mounts(key), target);
  try {
    return await look(target);
  } finally {
    await kernelMounter.unmount(target);
  }
}
