import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { hasCode } from '../../src/base/index.ts';
import { getXattr, listXattrs, makeNode, namesIn, openInRoot, setTimes, setXattr } from '../../src/linux/index.ts';

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-files-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('extended attributes of any size and of any file name are written and read, also of a symlink itself', (t) => {
  const dir = scratch(t);
  const odd = Buffer.concat([Buffer.from(`${dir}/`), Buffer.of(0xff, 0xfe)]);
  writeFileSync(odd, '');
  setXattr(odd, 'user.small', Buffer.from('x'));
  setXattr(odd, 'user.large', Buffer.alloc(2000, 7));
  assert.deepEqual(listXattrs(odd).toSorted(), ['user.large', 'user.small']);
  assert.deepEqual(getXattr(odd, 'user.large'), Buffer.alloc(2000, 7));
  assert.equal(getXattr(odd, 'user.absent'), undefined);
  symlinkSync('nowhere', join(dir, 'link'));
  setXattr(join(dir, 'link'), 'trusted.t', Buffer.from('y'));
  assert.equal(getXattr(join(dir, 'link'), 'trusted.t')?.toString(), 'y');
});

test('nodes get their device number and times their nanoseconds', (t) => {
  const path = join(scratch(t), 'node');
  makeNode(path, 'characterDevice', 0o600, 0x123, 0x45678);
  const stat = lstatSync(path, { bigint: true });
  assert.deepEqual([stat.isCharacterDevice(), stat.rdev], [true, 0x45612378n]);
  for (const time of [1_700_000_000_123_456_789n, -1n, 0n]) {
    setTimes(path, 5n, time);
    const { atimeNs, mtimeNs } = lstatSync(path, { bigint: true });
    assert.deepEqual([atimeNs, mtimeNs], [5n, time]);
  }
});

test('a look-up in a root stays inside', (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'root/etc'), { recursive: true });
  writeFileSync(join(dir, 'root/etc/passwd'), 'inside');
  writeFileSync(join(dir, 'secret'), 'outside');
  symlinkSync('/etc/passwd', join(dir, 'root/absolute'));
  symlinkSync('../../../../secret', join(dir, 'root/dots'));
  symlinkSync('/proc/self/root/etc', join(dir, 'root/magic'));
  const fd = openInRoot(join(dir, 'root'), 'absolute', constants.O_RDONLY);
  assert.equal(readFileSync(fd, 'utf8'), 'inside');
  closeSync(fd);
  for (const path of ['dots', '../secret', 'magic'])
    assert.throws(
      () => openInRoot(join(dir, 'root'), path, constants.O_RDONLY),
      (error) => hasCode(error, 'ENOENT'),
      path,
    );
});

test('a directory that is removed while it is open has no names', (t) => {
  const directory = scratch(t);
  const inner = join(directory, 'inner');
  mkdirSync(inner);
  const fd = openSync(inner, 'r');
  t.after(() => closeSync(fd));
  rmSync(inner, { recursive: true });
  assert.deepEqual(namesIn(fd), []);
});
