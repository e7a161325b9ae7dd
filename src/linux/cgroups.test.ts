import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { cgroupDirs, parseCgroupLayout } from './cgroups.ts';

const v1 = [
  '30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
  '31 24 0:27 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd',
  '32 24 0:28 / /mnt/with\\040space rw - cgroup cgroup rw,pids',
];
const unified = '33 24 0:29 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const root = '20 1 254:0 / / rw,relatime - ext4 /dev/vda rw';
const never = (): string => assert.fail('there is no v2 tree to ask');

describe('parseCgroupLayout', () => {
  it('finds each controller of v1', () => {
    const layout = parseCgroupLayout([root, ...v1].join('\n'), never);
    assert.deepEqual([layout.mode, layout.version], ['v1', 1]);
    assert.deepEqual([...layout.hierarchies.keys()], ['cpu', 'cpuacct', 'name=systemd', 'pids']);
    assert.deepEqual(cgroupDirs(layout, '/gantry/c1'), [
      '/sys/fs/cgroup/cpu,cpuacct/gantry/c1',
      '/sys/fs/cgroup/systemd/gantry/c1',
      '/mnt/with space/gantry/c1',
    ]);
  });

  it('tells a v2 tree that keeps controllers beside v1', () => {
    const layout = parseCgroupLayout([...v1, unified].join('\n'), (path) => {
      assert.equal(path, '/sys/fs/cgroup/unified');
      return 'hugetlb\n';
    });
    assert.deepEqual([layout.mode, layout.version, layout.leftover], ['hybrid', 1, ['hugetlb']]);
  });

  it('knows v2 alone, which has no leftovers', () => {
    const layout = parseCgroupLayout([root, unified].join('\n'), never);
    assert.deepEqual([layout.mode, layout.version, layout.leftover], ['v2', 2, []]);
  });
});
