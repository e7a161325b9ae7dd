import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { hasCode } from '../../src/base/index.ts';
import { kernelMounter as mounter, type MountRequest } from '../../src/linux/index.ts';

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-mount-'));
  t.after(async () => {
    for (const point of mounter.mountsUnder(dir)) await mounter.unmount(point, { lazy: true });
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

function overlay(dir: string, layers: number): { request: MountRequest; target: string } {
  const names = Array.from({ length: layers }, (_, index) => join(dir, `layer-with-a-long-name-${index}`));
  for (const [index, path] of names.entries()) {
    mkdirSync(path);
    writeFileSync(join(path, 'top'), String(index));
    writeFileSync(join(path, `of-${index}`), '');
  }
  for (const name of ['upper', 'work', 'target']) mkdirSync(join(dir, name));
  const options = [`lowerdir=${names.join(':')}`, `upperdir=${join(dir, 'upper')}`, `workdir=${join(dir, 'work')}`];
  return { request: { type: 'overlay', source: 'overlay', flags: [], options }, target: join(dir, 'target') };
}

for (const layers of [3, 128])
  test(`an overlay of ${layers} layers mounts, the first one on top`, async (t) => {
    const { request, target } = overlay(scratch(t), layers);
    mounter.mount(request, target);
    assert.equal(mounter.isMounted(target), true);
    assert.equal(readFileSync(join(target, 'top'), 'utf8'), '0');
    assert.equal(readdirSync(target).length, layers + 1);
    writeFileSync(join(target, 'new'), 'x');
    await mounter.unmount(target);
    assert.equal(mounter.isMounted(target), false);
    assert.deepEqual(readdirSync(join(target, '../upper')), ['new']);
  });

test('a read-only bind mount refuses writes, also when its source is writable', async (t) => {
  const dir = scratch(t);
  for (const name of ['source', 'target']) mkdirSync(join(dir, name));
  const target = join(dir, 'target');
  mounter.mount({ type: 'bind', source: join(dir, 'source'), flags: ['ro'], options: [] }, target);
  assert.throws(
    () => writeFileSync(join(target, 'x'), ''),
    (error) => hasCode(error, 'EROFS'),
  );
  writeFileSync(join(dir, 'source', 'y'), '');
  await mounter.unmount(target);
});

test('unmounting what is not mounted is no error, what is in use is EBUSY', async (t) => {
  const dir = scratch(t);
  await mounter.unmount(dir);
  await mounter.unmount(join(dir, 'absent'));
  mounter.mount({ type: 'tmpfs', source: 'tmpfs', flags: ['nosuid'], options: ['mode=700'] }, dir);
  mkdirSync(join(dir, 'inner'));
  mounter.mount({ type: 'tmpfs', source: 'tmpfs', flags: ['ro'], options: [] }, join(dir, 'inner'));
  await assert.rejects(mounter.unmount(dir), (error) => hasCode(error, 'EBUSY'));
  assert.deepEqual(mounter.mountsUnder(dir), [join(dir, 'inner'), dir]);
  await mounter.unmount(dir, { lazy: true });
  assert.deepEqual(mounter.mountsUnder(dir), []);
});

test('a refused mount names the call and the target', (t) => {
  const { request, target } = overlay(scratch(t), 128);
  const broken = { ...request, options: [...request.options, 'nonsense=1'] };
  assert.throws(() => mounter.mount(broken, target), /EINVAL: fsconfig 'nonsense=1/);
  assert.throws(() => mounter.mount({ ...request, options: [] }, target), /EINVAL: mount '/);
});
