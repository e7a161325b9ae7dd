import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { namedLimits, updatedHostConfig } from './updateHostConfig.ts';

const mebibytes = (count: number): number => count * 2 ** 20;

describe('updatedHostConfig', () => {
  it('changes what is named and leaves the rest', () => {
    const current = { Memory: mebibytes(100), MemorySwap: mebibytes(200), CpuShares: 512, Binds: ['/a:/b'] };
    const updated = updatedHostConfig(current, {
      Memory: mebibytes(50),
      CpuShares: 0,
      CpusetCpus: '',
      PidsLimit: null,
    });
    assert.deepEqual(updated, { ...current, Memory: mebibytes(50) });
  });

  it('takes a limit of pids of zero or less for none', () => {
    assert.deepEqual(namedLimits({ PidsLimit: -1 }), { PidsLimit: 0 });
    assert.deepEqual(namedLimits({ PidsLimit: 20 }), { PidsLimit: 20 });
  });

  it('refuses memory above the limit of swap that stays, also when there is none', () => {
    for (const MemorySwap of [mebibytes(200), -1, 0, undefined]) {
      assert.throws(
        () => updatedHostConfig({ MemorySwap }, { Memory: mebibytes(300) }),
        (error) => isKind(error, 'conflict') && /update the memoryswap at the same time/.test(error.message),
      );
    }
    const both = updatedHostConfig({}, { Memory: mebibytes(300), MemorySwap: -1 });
    assert.deepEqual(both, { Memory: mebibytes(300), MemorySwap: -1 });
  });

  it('refuses to mix CPUs with quota or period', () => {
    const conflicts = [
      [{ CpuPeriod: 50_000 }, { NanoCpus: 5e8 }, 'Nano CPUs cannot be updated as CPU Period has already been set'],
      [{ CpuQuota: 50_000 }, { NanoCpus: 5e8 }, 'Nano CPUs cannot be updated as CPU Quota has already been set'],
      [{ NanoCpus: 5e8 }, { CpuPeriod: 50_000 }, 'CPU Period cannot be updated as NanoCPUs has already been set'],
      [{ NanoCpus: 5e8 }, { CpuQuota: 50_000 }, 'CPU Quota cannot be updated as NanoCPUs has already been set'],
    ] as const;
    for (const [current, update, text] of conflicts) {
      assert.throws(() => updatedHostConfig(current, update), { message: `Conflicting options: ${text}` });
    }
  });

  it('changes the restart policy, but not of a container that is to be removed', () => {
    const onFailure = { Name: 'on-failure', MaximumRetryCount: 3 } as const;
    assert.deepEqual(updatedHostConfig({}, { RestartPolicy: onFailure }), { RestartPolicy: onFailure });
    assert.deepEqual(updatedHostConfig({}, { RestartPolicy: { Name: '' } }), {});
    assert.throws(
      () => updatedHostConfig({ AutoRemove: true }, { RestartPolicy: onFailure }),
      (error) => isKind(error, 'conflict') && /because AutoRemove is enabled/.test(error.message),
    );
    assert.doesNotThrow(() => updatedHostConfig({ AutoRemove: true }, { RestartPolicy: { Name: 'no' } }));
  });
});
