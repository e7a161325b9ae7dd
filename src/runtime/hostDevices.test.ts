import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { isKind } from '../base/index.ts';
import { deviceNumber, findDevices } from './hostDevices.ts';

test('a node is found by its path, through a link at that path, and among the others of its directory', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-devices-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const [device] = findDevices('/dev/null') ?? [];
  assert.deepEqual([device?.path, device?.type, device?.major, device?.minor], ['/dev/null', 'c', 1, 3]);
  symlinkSync('/dev/null', join(dir, 'link'));
  assert.deepEqual(findDevices(join(dir, 'link')), [{ ...device, path: join(dir, 'link') }]);
  assert.deepEqual(findDevices(dir), [], 'links below a directory are not followed');
  assert.ok(findDevices('/dev')?.some(({ path }) => path === '/dev/null'));
});

test('a path without a device is told from one that is not there', () => {
  assert.deepEqual(findDevices('/etc/passwd'), []);
  assert.equal(findDevices('/nonsense'), undefined);
});

test('a directory that is too large to be one of devices is refused', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-devices-'));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, 'sub'));
  for (const name of ['a', 'sub/b', 'sub/c']) writeFileSync(join(dir, name), '');
  assert.deepEqual(findDevices(dir, 4), []);
  assert.throws(
    () => findDevices(dir, 3),
    (error) => isKind(error, 'invalid'),
  );
});

test('device numbers are split as glibc packs them', () => {
  assert.deepEqual(deviceNumber(0x0103), { major: 1, minor: 3 });
  const packed = 0xff + 0x103 * 2 ** 8 + 0xfff * 2 ** 20;
  assert.deepEqual(deviceNumber(packed), { major: 0x103, minor: 0xfffff });
});
