import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { detectRuntime } from './detect.ts';
import type { DetectionHost } from './detect.ts';

const candidates = [
  { name: 'crun', path: 'crun' },
  { name: 'runc', path: 'runc' },
];

function hostWith(installed: readonly string[], leftover: readonly string[] = []): DetectionHost {
  return {
    cgroups: { leftover, unified: '/sys/fs/cgroup/unified' },
    findProgram: (path) => (installed.includes(path) ? `/usr/bin/${path}` : undefined),
    version: async (path) => `${path.slice('/usr/bin/'.length)} version 1.0`,
  };
}

describe('detectRuntime', () => {
  it('takes the first that can run, without a word', async () => {
    const { runtime, warnings } = await detectRuntime(candidates, hostWith(['crun', 'runc']));
    assert.deepEqual(runtime, { name: 'crun', path: '/usr/bin/crun', version: 'crun version 1.0' });
    assert.deepEqual(warnings, []);
  });

  it('passes crun over where a v2 controller is left beside v1, and says what would help', async () => {
    const { runtime, warnings } = await detectRuntime(candidates, hostWith(['crun', 'runc'], ['hugetlb']));
    assert.equal(runtime.name, 'runc');
    assert.match(warnings.join(), /mount -t cgroup -o hugetlb hugetlb \/sys\/fs\/cgroup\/hugetlb/);
  });

  it('says what it looked for when there is none', async () => {
    await assert.rejects(
      detectRuntime(candidates, hostWith([])),
      (error) => isKind(error, 'unavailable') && /crun.*runc/.test(error.message),
    );
  });
});
