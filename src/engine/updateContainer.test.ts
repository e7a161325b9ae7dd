import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { createdState, started } from '../containers/index.ts';

import { openBench, type Bench } from './testBench.ts';
import { updateContainer } from './updateContainer.ts';

const id = 'a'.repeat(64);
const mebibytes = (count: number): number => count * 2 ** 20;

let bench: Bench;
beforeEach(() => (bench = openBench()));
afterEach(() => bench.remove());

const directory = (): string => join(bench.parts.cgroups.unified ?? '', '/gantry', id);
const limitOf = (name: string): string => readFileSync(join(directory(), name), 'utf8').trim();
const hostConfig = (): object => bench.parts.containers.find(id).hostConfig;

/** Adds a running container with a cgroup (v2) that has these files. */
function addRunning(files: Readonly<Record<string, string>>): void {
  bench.add(id, { state: started(createdState, process.pid, '2026-01-02T03:04:05Z') });
  mkdirSync(directory(), { recursive: true });
  for (const [name, text] of Object.entries({ 'cgroup.procs': `${process.pid}\n`, ...files })) {
    writeFileSync(join(directory(), name), text);
  }
}

describe('update', () => {
  it('of a container that does not run is on record, for its next start', async () => {
    bench.add(id);
    assert.deepEqual(await updateContainer(bench.parts, id, { PidsLimit: 5 }), { Warnings: null });
    assert.partialDeepStrictEqual(hostConfig(), { PidsLimit: 5 });
    assert.deepEqual(bench.events, ['container update']);
  });

  it('of a running one changes its cgroup', async () => {
    addRunning({ 'pids.max': 'max\n', 'cpu.max': 'max 100000\n' });
    await updateContainer(bench.parts, id, { PidsLimit: 5, NanoCpus: 5e8 });
    assert.deepEqual([limitOf('pids.max'), limitOf('cpu.max')], ['5', '50000 100000']);
    assert.partialDeepStrictEqual(hostConfig(), { PidsLimit: 5, NanoCpus: 5e8 });
  });

  it('leaves record and cgroup as they were when the kernel refuses', async () => {
    addRunning({ 'cpu.max': 'max 100000\n' });
    const before = hostConfig();
    await assert.rejects(updateContainer(bench.parts, id, { NanoCpus: 5e8, PidsLimit: 5 }), (error) => {
      return isKind(error, 'internal') && error.message.startsWith(`Cannot update container ${id}: failed to `);
    });
    assert.equal(limitOf('cpu.max'), 'max 100000');
    assert.deepEqual(hostConfig(), before);
    assert.deepEqual(bench.events, []);
  });

  it('takes the limits back when they cannot be recorded', async () => {
    addRunning({ 'pids.max': 'max\n' });
    bench.records.failure = new Error('the disk is full');
    await assert.rejects(updateContainer(bench.parts, id, { PidsLimit: 5 }), /the disk is full/);
    assert.equal(limitOf('pids.max'), 'max');
  });

  it('is refused, in a frame that names the container, where it contradicts what is there', async () => {
    bench.add(id, { hostConfig: { AutoRemove: true } });
    await assert.rejects(
      updateContainer(bench.parts, id, { RestartPolicy: { Name: 'always' } }),
      (error) => isKind(error, 'conflict') && error.message.startsWith(`Cannot update container ${id}: Restart policy`),
    );
    await assert.rejects(updateContainer(bench.parts, id, { Memory: mebibytes(1) }), (error) =>
      isKind(error, 'invalid'),
    );
  });
});
