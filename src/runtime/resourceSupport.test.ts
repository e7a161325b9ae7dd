import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { readResourceSupport } from './resourceSupport.ts';

/** A tree of files with their texts; gives its root. */
function tree(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'gantry-cgroups-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('with separate hierarchies a limit is there when its file is', (t) => {
  const root = tree(t, {
    'memory/memory.soft_limit_in_bytes': '',
    'cpuset/cpuset.cpus': '0-3\n',
    'cpuset/cpuset.mems': '0\n',
    'blkio/blkio.throttle.read_bps_device': '',
  });
  const hierarchies = new Map(['memory', 'cpuset', 'blkio'].map((name) => [name, join(root, name)]));
  const support = readResourceSupport({ mode: 'v1', version: 1, hierarchies, unified: undefined, leftover: [] });
  const { memory, swap, memoryReservation, cpuQuota, cpuset, cpus, memoryNodes, pids } = support;
  assert.deepEqual(
    { memory, swap, memoryReservation, cpuQuota, cpuset, cpus, memoryNodes, pids },
    {
      memory: true,
      swap: false,
      memoryReservation: true,
      cpuQuota: false,
      cpuset: true,
      cpus: '0-3',
      memoryNodes: '0',
      pids: false,
    },
  );
  assert.deepEqual([support.blockIoWeight, support.readBps, support.writeBps], [false, true, false]);
});

test('in the one hierarchy a controller brings all its limits but those that v2 has not', (t) => {
  const unified = tree(t, { 'cgroup.controllers': 'cpuset io memory pids\n', 'cpuset.cpus.effective': '0-1\n' });
  const support = readResourceSupport({ mode: 'v2', version: 2, hierarchies: new Map(), unified, leftover: [] });
  assert.deepEqual([support.memory, support.memorySwappiness, support.oomKillDisable], [true, false, false]);
  assert.deepEqual([support.cpuQuota, support.cpuRealtime, support.pids], [false, false, true]);
  assert.deepEqual([support.blockIoWeight, support.writeIops, support.cpus], [true, true, '0-1']);
});
