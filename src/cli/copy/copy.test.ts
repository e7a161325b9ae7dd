import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import * as fc from 'fast-check';

import { isKind, packTar, type PackEntry } from '../../base/index.ts';
import { ExitError } from '../errors.ts';
import { extractArchive } from './extractArchive.ts';
import { localTarget } from './localFiles.ts';
import { makeArchive } from './makeArchive.ts';
import { baseName, clean, keepEnding, parseSide, place, renamedTarget, splitPath } from './paths.ts';

test('a side is a container’s when a name and a colon stand in front', () => {
  const sides = ['c:/x', 'c:x', '/c:/x', './c:/x', '.c:x', 'x', '-', 'c:', ':/x'].map((text) => parseSide(text));
  assert.deepEqual(
    sides.map(({ container, path }) => [container, path]),
    [
      ['c', '/x'],
      ['c', 'x'],
      [undefined, '/c:/x'],
      [undefined, './c:/x'],
      [undefined, '.c:x'],
      [undefined, 'x'],
      [undefined, '-'],
      ['c', ''],
      [undefined, '/x'],
    ],
  );
});

test('endings survive where paths are made clean', () => {
  assert.deepEqual(
    ['/a/b/', '/a/b/.', '/a//b', '/', '.'].map((path) => keepEnding(clean(path), path)),
    ['/a/b/', '/a/b/.', '/a/b', '/', '.'],
  );
  assert.deepEqual(['/a/b/', '/a/.', '/', ''].map(baseName), ['b', '.', '/', '.']);
  assert.deepEqual(splitPath('/a/b/.'), { directory: '/a/b', base: '.' });
  assert.deepEqual(splitPath('/a/b/'), { directory: '/a', base: 'b' });
  assert.deepEqual(renamedTarget('/a/link/', '/real'), { path: '/real/', name: 'link' });
  assert.deepEqual(renamedTarget('/a/link/.', '/real'), { path: '/real/.', name: undefined });
});

test('where a copy goes', () => {
  const file = { path: '/s/f', isDirectory: false, name: undefined };
  const tree = { path: '/s/d', isDirectory: true, name: undefined };
  const link = { path: '/real/f', isDirectory: false, name: 'link' };
  assert.deepEqual(place(file, { path: '/t', kind: 'directory' }), { directory: '/t', oldName: 'f', newName: 'f' });
  assert.deepEqual(place(link, { path: '/t', kind: 'directory' }), { directory: '/t', oldName: 'f', newName: 'link' });
  assert.deepEqual(place(file, { path: '/t/g', kind: 'other' }), { directory: '/t', oldName: 'f', newName: 'g' });
  assert.deepEqual(place(tree, { path: '/t/g/', kind: undefined }), { directory: '/t', oldName: 'd', newName: 'g' });
  assert.throws(() => place(tree, { path: '/t/g', kind: 'other' }), /^Error: cannot copy directory$/);
  assert.throws(() => place(file, { path: '/t/g/', kind: undefined }), /^Error: no such directory$/);
});

function scratch(t: TestContext): { readonly dir: string; readonly into: string } {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-copy-'));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, 'into'));
  writeFileSync(join(dir, 'secret'), 'untouched');
  return { dir, into: join(dir, 'into') };
}

async function* once(archive: Buffer): AsyncGenerator<Buffer> {
  yield archive;
}

function extract(into: string, entries: PackEntry[], [oldName, newName] = ['', '']): Promise<void> {
  return extractArchive(once(packTar(entries)), { directory: into, oldName, newName }, () => {});
}

test('a followed link of the archive leads nothing out of the destination', async (t) => {
  const { dir, into } = scratch(t);
  const through = [
    { path: 'l', linkPath: dir },
    { path: 'l/secret', content: 'changed' },
  ];
  await assert.rejects(extract(into, through), /is a link that leads out of/);
  symlinkSync(dir, join(into, 'old'));
  await assert.rejects(extract(into, [{ path: 'old/secret', content: 'changed' }]), /is a link that leads out of/);
  await assert.rejects(extract(into, [{ path: '../secret', content: 'changed' }]), /is outside of/);
  await assert.rejects(extract(into, [{ path: 'h', type: 'hardlink', linkPath: '../secret' }]), /invalid hardlink/);
  await assert.rejects(extract(into, [{ path: 's', linkPath: '../secret' }]), /invalid symlink/);
  assert.equal(readFileSync(join(dir, 'secret'), 'utf8'), 'untouched');
});

const part = fc.constantFrom('a', 'b', '..', '.', '', 'secret');
const text = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const link = fc.oneof(text, fc.constantFrom('..', '../secret', '/', '../../..'));
const entry: fc.Arbitrary<PackEntry> = fc.oneof(
  fc.record({ path: text, content: fc.constant('changed') }),
  fc.record({ path: text.map((path) => `${path}/`) }),
  fc.record({ path: text, type: fc.constantFrom('symlink' as const, 'hardlink' as const), linkPath: link }),
);

test('no archive writes outside of its destination', async (t) => {
  const { dir, into } = scratch(t);
  const property = fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
    try {
      await extract(into, entries);
    } catch (error) {
      // What the disk refuses is no way out.
      const isRefused = error instanceof ExitError || isKind(error, 'invalid');
      assert.ok(isRefused || (error as NodeJS.ErrnoException).syscall !== undefined, String(error));
    }
    assert.deepEqual(readdirSync(dir).toSorted(), ['into', 'secret']);
    assert.equal(readFileSync(join(dir, 'secret'), 'utf8'), 'untouched');
    for (const left of readdirSync(into)) rmSync(join(into, left), { recursive: true });
  });
  await fc.assert(property, { numRuns: 200 });
});

test('an archive made here comes back under another name', async (t) => {
  const { dir, into } = scratch(t);
  mkdirSync(join(dir, 'tree/sub'), { recursive: true });
  writeFileSync(join(dir, 'tree/sub/f'), 'content');
  symlinkSync('sub/f', join(dir, 'tree/l'));
  const archive = await Array.fromAsync(makeArchive(join(dir, 'tree'), 'given'));
  await extractArchive(once(Buffer.concat(archive)), { directory: into, oldName: 'given', newName: 'new' }, () => {});
  assert.deepEqual(readdirSync(into), ['new']);
  assert.equal(readFileSync(join(into, 'new/l'), 'utf8'), 'content');
  assert.equal(existsSync(join(into, 'given')), false);
});

test('a file with a slash behind it is no destination', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-copy-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = `${dir}/file`;
  writeFileSync(file, '');
  assert.throws(() => localTarget(`${file}/`), { message: `stat ${file}/: not a directory` });
});
