import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { silentLogger } from '../../src/base/index.ts';
import { kernelMounter } from '../../src/linux/index.ts';
import { dataPaths, openOverlaySnapshotter, openRecords } from '../../src/store/index.ts';
import { snapshotterContract } from '../contract/snapshotter.ts';
import { addLayer, type SnapshotterFixture } from '../contract/snapshotterFixture.ts';

/** An overlay snapshotter in a directory of its own. */
function overlayFixture(t: TestContext): SnapshotterFixture {
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

/** Names of this process's threads (proc(5), task/TID/comm). */
function threadNames(): string[] {
  return readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim());
}

test('a worker thread comes for a layer and goes when there is nothing more to do', async (t) => {
  const fixture = overlayFixture(t);
  await addLayer(fixture, 'layer', undefined, [{ path: 'f', content: 'x' }]);
  assert.ok(threadNames().includes('gantry-store'));
  const deadline = Date.now() + 10_000;
  while (threadNames().includes('gantry-store') && Date.now() < deadline) await delay(50);
  assert.ok(!threadNames().includes('gantry-store'));
  await addLayer(fixture, 'next', 'layer', [{ path: 'g', content: 'y' }]);
});

test('a root directory that mount options cannot name is refused', () => {
  const records = openRecords(':memory:');
  const open = (root: string): unknown => openOverlaySnapshotter({ root, records, logger: silentLogger });
  for (const root of ['/tmp/a:b', '/tmp/a,b', '/tmp/a\\b'])
    assert.throws(() => open(root), /cannot be used for snapshots/);
  records.close();
});
