import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { silentLogger } from '../../src/base/index.ts';
import { kernelMounter } from '../../src/linux/index.ts';
import { dataPaths, openOverlaySnapshotter, openRecords } from '../../src/store/index.ts';
import { snapshotterContract, type SnapshotterFixture } from '../contract/snapshotter.ts';

/** An overlay snapshotter in a directory of its own. */
export function overlayFixture(t: TestContext): SnapshotterFixture {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-overlay-'));
  const paths = dataPaths(join(dir, 'root'));
  const scratch = join(dir, 'scratch');
  for (const path of [paths.root, scratch]) mkdirSync(path);
  const records = openRecords(paths.metadata);
  t.after(async () => {
    for (const point of kernelMounter.mountsUnder(dir)) await kernelMounter.unmount(point, { lazy: true });
    records.close();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  const reopen = (): ReturnType<typeof openOverlaySnapshotter> =>
    openOverlaySnapshotter({ root: paths.snapshots('overlay'), records, logger: silentLogger });
  return { snapshotter: reopen(), reopen, scratch };
}

snapshotterContract('the overlay snapshotter', overlayFixture);
