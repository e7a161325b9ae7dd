/** What every Snapshotter promises; see src/store/snapshotter.ts. Needs root: the snapshots are mounted for real. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import { isKind, packTar, type PackEntry } from '../../src/base/index.ts';
import { digestOf } from '../../src/oci/index.ts';
import type { LayerSource } from '../../src/store/index.ts';
import { changeTests } from './snapshotterChanges.ts';
import { addLayer, layerOf, mounted, type SnapshotterFixture } from './snapshotterFixture.ts';
import { readTree, type TreeEntry } from './tree.ts';

/** Names of all that is in a snapshot, without the leading `./`, directories with a slash. */
async function namesIn(fixture: SnapshotterFixture, key: string): Promise<string[]> {
  const tree = await mounted(fixture, key, readTree);
  return Object.entries(tree)
    .filter(([name]) => name !== '.')
    .map(([name, entry]) => `${name.slice(2)}${entry.type === 0o040000 ? '/' : ''}`);
}

async function entriesIn(fixture: SnapshotterFixture, key: string): Promise<Record<string, TreeEntry>> {
  return await mounted(fixture, key, readTree);
}

const base: PackEntry[] = [
  { path: './', mode: 0o711, uid: 7, gid: 8 },
  { path: 'bin/', mode: 0o750, uid: 3, gid: 4, mtimeNs: 1_500_000_000_123_456_789n, xattrs: { 'user.kept': 'yes' } },
  { path: 'bin/sh', content: 'shell', mode: 0o4755, uid: 5, gid: 6, xattrs: { 'user.a': 'b' } },
  { path: 'etc/' },
  { path: 'etc/passwd', content: 'root' },
  { path: 'etc/deep/' },
  { path: 'etc/deep/file', content: 'deep' },
  { path: 'usr/lib/' },
  { path: 'usr/lib/libc', content: 'c' },
  { path: 'lib', linkPath: 'usr/lib' },
  { path: 'absolute', linkPath: '/usr/lib' },
  { path: 'escape', linkPath: '../../../../usr/lib' },
];

type Make = (t: TestContext) => SnapshotterFixture;

export function snapshotterContract(name: string, make: Make): void {
  describe(`${name} keeps the contract of Snapshotter`, () => {
    lifeTests(make);
    layerTests(make);
    changeTests(make);
    refusalTests(make);
    restartTests(make);
  });
}

function lifeTests(make: Make): void {
  test('snapshots are prepared, written to, committed, stacked, listed and removed', async (t) => {
    const fixture = make(t);
    const { snapshotter } = fixture;
    await snapshotter.prepare('a-key', undefined);
    await mounted(fixture, 'a-key', (root) => writeFileSync(join(root, 'one'), '1'));
    await snapshotter.commit('a', 'a-key');
    await snapshotter.prepare('b-key', 'a');
    await mounted(fixture, 'b-key', (root) => writeFileSync(join(root, 'two'), '22'));
    await snapshotter.commit('b', 'b-key');
    assert.deepEqual(await namesIn(fixture, 'b'), ['one', 'two']);
    assert.deepEqual(
      Array.from(snapshotter.list(), ({ key, kind, parent }) => [key, kind, parent]),
      [
        ['a', 'committed', undefined],
        ['b', 'committed', 'a'],
      ],
    );
    assert.equal(snapshotter.stat('a-key'), undefined);
    assert.equal((await snapshotter.usage('b')).sizeBytes, 2);
    await assert.rejects(snapshotter.remove('a'), (error) => isKind(error, 'conflict'));
    for (const key of ['b', 'a', 'a', 'unknown']) await snapshotter.remove(key);
    assert.deepEqual(Array.from(snapshotter.list()), []);
  });

  test('a committed snapshot is mounted read-only, alone or on top of others', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'one', undefined, base);
    await addLayer(fixture, 'two', 'one', [{ path: 'new', content: '' }]);
    for (const key of ['one', 'two'])
      await mounted(fixture, key, (root) => {
        assert.throws(() => writeFileSync(join(root, 'x'), ''), { code: 'EROFS' });
        assert.equal(readFileSync(join(root, 'bin/sh'), 'utf8'), 'shell');
      });
  });

  test('keys that are unknown, taken, or of the wrong kind are refused', async (t) => {
    const { snapshotter } = make(t);
    await snapshotter.prepare('key', undefined);
    await assert.rejects(snapshotter.prepare('key', undefined), (error) => isKind(error, 'conflict'));
    await assert.rejects(snapshotter.prepare('other', 'unknown'), (error) => isKind(error, 'notFound'));
    await assert.rejects(snapshotter.prepare('other', 'key'), (error) => isKind(error, 'conflict'));
    await assert.rejects(snapshotter.commit('name', 'unknown'), (error) => isKind(error, 'notFound'));
    await snapshotter.commit('name', 'key');
    await assert.rejects(snapshotter.commit('again', 'name'), (error) => isKind(error, 'conflict'));
    await assert.rejects(snapshotter.usage('key'), (error) => isKind(error, 'notFound'));
    assert.throws(
      () => snapshotter.mounts('key'),
      (error) => isKind(error, 'notFound'),
    );
  });

  test('usage counts files by their apparent size, and hard links once', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'layer', undefined, [
      { path: 'd/' },
      { path: 'd/f', content: 'x'.repeat(1000) },
      { path: 'd/g', type: 'hardlink', linkPath: 'd/f' },
      { path: 'd/l', linkPath: 'f' },
    ]);
    assert.deepEqual(await fixture.snapshotter.usage('layer'), { sizeBytes: 1000, inodes: 4 });
    await fixture.snapshotter.prepare('container', 'layer');
    await mounted(fixture, 'container', (root) => writeFileSync(join(root, 'd/new'), 'yy'));
    assert.deepEqual(await fixture.snapshotter.usage('container'), { sizeBytes: 2, inodes: 3 });
  });

  test('many removals at once are answered, and everything is deleted', async (t) => {
    const fixture = make(t);
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    const files = Array.from({ length: 100 }, (_, index) => ({ path: `f/${index}`, content: 'x' }));
    await addLayer(fixture, 'layer', undefined, files);
    for (const key of keys) await fixture.snapshotter.prepare(key, 'layer');
    const uppers = [...keys, 'layer'].map((key) => fixture.snapshotter.describe(key)['UpperDir'] ?? '');
    await Promise.all(keys.map((key) => fixture.snapshotter.remove(key)));
    await fixture.snapshotter.remove('layer');
    assert.deepEqual(Array.from(fixture.snapshotter.list()), []);
    assert.deepEqual(uppers.filter(existsSync), []);
  });
}

function layerTests(make: Make): void {
  test('whiteouts hide what is below, opaque ones all of it, and never what the same layer brings', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'top', 'base', [
      { path: 'bin/.wh.sh' },
      { path: '.wh.absent' },
      { path: 'absent/.wh.too' },
      { path: 'etc/new', content: 'before its mark' },
      { path: 'etc/.wh..wh..opq' },
      { path: 'etc/newer', content: 'after its mark' },
      { path: '.wh.usr' },
      { path: 'usr/share/' },
      { path: '.wh..wh.plnk/' },
      { path: '.wh..wh.plnk/1.2' },
      { path: '.wh.escape' },
      { path: 'escape/inside', content: '' },
    ]);
    assert.deepEqual(await namesIn(fixture, 'top'), [
      'absolute',
      'bin/',
      'escape/',
      'escape/inside',
      'etc/',
      'etc/new',
      'etc/newer',
      'lib',
      'usr/',
      'usr/share/',
    ]);
  });

  test('an opaque root hides all lower layers', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'top', 'base', [
      { path: 'etc/before', content: '' },
      { path: '.wh..wh..opq' },
      { path: 'lib/after', content: '' },
    ]);
    assert.deepEqual(await namesIn(fixture, 'top'), ['etc/', 'etc/before', 'lib/', 'lib/after']);
  });

  test('a path leads through the links of lower layers, inside the root', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'middle', 'base', [{ path: 'via', linkPath: 'absolute/../lib/./' }]);
    await addLayer(fixture, 'top', 'middle', [
      { path: 'lib/a', content: 'a' },
      { path: 'absolute/b', content: 'b' },
      { path: 'escape/c', content: 'c' },
      { path: 'via/d', content: 'd' },
      { path: '/usr/lib/e', content: 'e' },
      { path: 'etc/../usr/./lib//f', content: 'f' },
      { path: 'dangling', linkPath: 'made/here' },
      { path: 'dangling/g', content: 'g' },
    ]);
    const names = await namesIn(fixture, 'top');
    const expected = ['libc', 'a', 'b', 'c', 'd', 'e', 'f'].map((name) => `usr/lib/${name}`);
    assert.deepEqual(names.filter((name) => /^usr\/lib\/./.test(name)).toSorted(), expected.toSorted());
    assert.ok(names.includes('lib') && names.includes('absolute') && names.includes('made/here/g'));
  });

  test('a parent that no entry describes keeps what the lower layer says of it', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'top', 'base', [{ path: 'bin/ls', content: 'ls' }]);
    const [before, after] = [await entriesIn(fixture, 'base'), await entriesIn(fixture, 'top')];
    assert.deepEqual([after['./bin'], after['.']], [before['./bin'], before['.']]);
    assert.equal(after['.']?.owner, '7:8');
  });

  test('a directory that an entry describes has nothing left of what it was below', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'early', 'base', [{ path: 'bin/' }, { path: 'bin/ls', content: '' }]);
    await addLayer(fixture, 'late', 'base', [{ path: 'bin/ls', content: '' }, { path: 'bin/' }]);
    for (const key of ['early', 'late']) {
      const { './bin': bin } = await entriesIn(fixture, key);
      assert.deepEqual([bin?.mode, bin?.owner, bin?.xattrs], ['755', '0:0', {}], key);
    }
  });

  test('a hard link to a file of a lower layer is one file with it', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'top', 'base', [
      { path: 'bin/zsh', type: 'hardlink', linkPath: 'bin/sh' },
      { path: 'bin/self', content: 'self' },
      { path: 'bin/self', type: 'hardlink', linkPath: './bin/self' },
      { path: 'link', type: 'hardlink', linkPath: 'lib' },
    ]);
    const [before, after] = [await entriesIn(fixture, 'base'), await entriesIn(fixture, 'top')];
    assert.deepEqual(after['./bin/sh'], before['./bin/sh']);
    assert.equal(after['./bin/zsh']?.sameAs, './bin/sh');
    assert.equal(after['./link']?.content, 'usr/lib');
    assert.equal(await mounted(fixture, 'top', (root) => readFileSync(join(root, 'bin/self'), 'utf8')), 'self');
  });

  test('attributes that steer the file system itself are not taken from a layer', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    const xattrs = { 'trusted.overlay.opaque': 'y', 'trusted.overlay.redirect': '/usr', 'user.overlay.opaque': 'y' };
    await addLayer(fixture, 'top', 'base', [
      { path: 'etc/', xattrs },
      { path: 'bin/', xattrs: { ...xattrs, 'user.other': 'kept' } },
    ]);
    const entries = await entriesIn(fixture, 'top');
    assert.ok('./etc/passwd' in entries && './bin/sh' in entries);
    assert.deepEqual(Object.keys(entries['./bin']?.xattrs ?? {}), ['user.other']);
  });

  test('as many layers as Docker allows can be stacked, and no endless number', async (t) => {
    const fixture = make(t);
    const { snapshotter } = fixture;
    let parent: string | undefined;
    let refusal: unknown;
    for (let depth = 0; refusal === undefined && depth < 600; depth++) {
      const [key, name] = [`key-${depth}`, `name-${depth}`];
      refusal = await snapshotter.prepare(key, parent).catch((error: unknown) => error);
      if (refusal !== undefined) break;
      if (depth < 3) await mounted(fixture, key, (root) => writeFileSync(join(root, key), ''));
      await snapshotter.commit(name, key);
      parent = name;
      if (depth === 150) assert.deepEqual(await namesIn(fixture, name), ['key-0', 'key-1', 'key-2']);
    }
    assert.ok(isKind(refusal, 'invalid') && /max depth exceeded/.test(refusal.message), String(refusal));
    await snapshotter.prepare('above', 'name-398');
    assert.deepEqual(await namesIn(fixture, 'above'), ['key-0', 'key-1', 'key-2']);
  });

  test('files become directories and directories files', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'base', undefined, base);
    await addLayer(fixture, 'top', 'base', [
      { path: 'bin', content: 'was a directory' },
      { path: 'etc/passwd/' },
      { path: 'etc/passwd/entry', content: '' },
      { path: 'etc/deep', content: 'for a while' },
      { path: 'etc/deep/' },
      { path: 'lib/' },
      { path: 'twice/inside', content: '' },
      { path: 'twice', linkPath: 'elsewhere' },
    ]);
    assert.deepEqual(await namesIn(fixture, 'top'), [
      'absolute',
      'bin',
      'escape',
      'etc/',
      'etc/deep/',
      'etc/passwd/',
      'etc/passwd/entry',
      'lib/',
      'twice',
      'usr/',
      'usr/lib/',
      'usr/lib/libc',
    ]);
  });
}

function refusalTests(make: Make): void {
  const hostile: Readonly<Record<string, PackEntry[]>> = {
    'a path with ..': [{ path: '../outside', content: 'x' }],
    'a hidden ..': [{ path: 'a/../../outside', content: 'x' }],
    'a hard link to ..': [{ path: 'link', type: 'hardlink', linkPath: '../outside' }],
    'a hard link to nothing': [{ path: 'link', type: 'hardlink', linkPath: 'etc/shadow' }],
    'a hard link to a directory': [{ path: 'd/' }, { path: 'link', type: 'hardlink', linkPath: 'd' }],
    'a loop of links': [
      { path: 'a', linkPath: 'b' },
      { path: 'b', linkPath: 'a' },
      { path: 'a/file', content: 'x' },
    ],
    'a file below a file': [
      { path: 'f', content: 'x' },
      { path: 'f/g', content: 'x' },
    ],
    'a file in place of the root': [{ path: './', type: 'symlink', linkPath: '/' }],
    'a whiteout of the parent': [{ path: 'd/' }, { path: 'd/.wh...', content: '' }],
    'a whiteout of itself': [{ path: 'd/' }, { path: 'd/.wh..', content: '' }],
    'a component that is too long': [{ path: 'x'.repeat(300), content: '' }],
    'a path that is too long': [{ path: 'x/'.repeat(3000) }],
    'an owner that cannot be': [{ path: 'f', content: '', uid: 0xffffffff }],
  };
  for (const [what, entries] of Object.entries(hostile))
    test(`${what} is refused and leaves nothing outside`, async (t) => {
      const fixture = make(t);
      const before = readdirSync(fixture.scratch);
      await assert.rejects(addLayer(fixture, 'layer', undefined, entries), (error) => isKind(error, 'invalid'));
      assert.deepEqual(
        readdirSync(fixture.scratch).filter((name) => !name.startsWith('blob-')),
        before,
      );
      await fixture.snapshotter.remove('layer-key');
    });

  test('links that lead out of the root are written through inside of it', async (t) => {
    const fixture = make(t);
    const target = join(fixture.scratch, 'target');
    mkdirSync(target);
    writeFileSync(join(target, 'file'), 'untouched');
    const before = readTree(target);
    await addLayer(fixture, 'layer', undefined, [
      { path: 'link', linkPath: target },
      { path: 'link/new', content: 'x' },
      { path: 'up', linkPath: `${'../'.repeat(30)}${target.slice(1)}` },
      { path: 'up/file', content: 'x' },
      { path: 'file', linkPath: join(target, 'file') },
      { path: 'file', content: 'replaces the link' },
      { path: 'hard', type: 'hardlink', linkPath: 'link/new' },
      { path: 'link/.wh.file', content: '' },
      { path: 'link', linkPath: '/' },
      { path: 'link/', mode: 0o700 },
    ]);
    assert.deepEqual(readTree(target), before);
    const names = await namesIn(fixture, 'layer');
    assert.ok(names.includes(`${target.slice(1)}/new`) && names.includes('hard') && names.includes('link/'));
  });

  test('a wrong diff id, damage, truncation, excess and trailing bytes are refused', async (t) => {
    const { snapshotter, scratch } = make(t);
    const archive = packTar(base);
    const blob = gzipSync(archive);
    const layer = layerOf(scratch, archive, blob);
    const cases: [LayerSource, RegExp][] = [
      [{ ...layer, diffId: digestOf('else') }, /diff id/],
      [{ ...layer, limitBytes: 1000 }, /more than 1000 bytes/],
      [layerOf(scratch, archive, blob.subarray(0, -5)), /damaged/],
      [layerOf(scratch, archive, Buffer.concat([blob, Buffer.from('garbage')])), /damaged/],
      [layerOf(scratch, archive, Buffer.concat([blob, Buffer.alloc(9)])), /damaged/],
      [layerOf(scratch, archive.subarray(0, 700)), /truncated/],
      [layerOf(scratch, Buffer.from('not an archive'.repeat(100))), /damaged/],
      [layerOf(scratch, Buffer.concat([archive, Buffer.alloc(512, 1)]), archive), /diff id/],
    ];
    for (const [index, [source, expected]] of cases.entries()) {
      await snapshotter.prepare(`key-${index}`, undefined);
      await assert.rejects(
        snapshotter.apply(`key-${index}`, source),
        (error) => isKind(error, 'invalid') && expected.test(error.message),
        `case ${index}`,
      );
    }
  });

  test('an aborted unpacking is cancelled', async (t) => {
    const { snapshotter, scratch } = make(t);
    const layer = layerOf(scratch, packTar([{ path: 'big', content: Buffer.alloc(50_000_000) }]));
    await snapshotter.prepare('key', undefined);
    const aborter = new AbortController();
    const applied = snapshotter.apply('key', layer, aborter.signal);
    aborter.abort();
    await assert.rejects(applied, (error) => isKind(error, 'cancelled'));
    await snapshotter.prepare('other', undefined);
    await assert.rejects(snapshotter.apply('other', layer, aborter.signal), (error) => isKind(error, 'cancelled'));
  });
}

function restartTests(make: Make): void {
  test('a restart keeps layers and containers and sweeps what was never committed', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'layer', undefined, base);
    await fixture.snapshotter.prepare('container', 'layer');
    await mounted(fixture, 'container', (root) => writeFileSync(join(root, 'etc/written'), 'kept'));
    await fixture.snapshotter.prepare('half', 'layer');
    await fixture.snapshotter.apply('half', layerOf(fixture.scratch, packTar([{ path: 'x', content: 'x' }])));
    const half = fixture.snapshotter.describe('half')['UpperDir'] ?? '';
    const snapshotter = fixture.reopen();
    await snapshotter.sweep();
    assert.deepEqual(
      Array.from(snapshotter.list(), ({ key }) => key),
      ['layer', 'container'],
    );
    assert.equal(existsSync(half), false);
    const reopened = { ...fixture, snapshotter };
    assert.equal(
      await mounted(reopened, 'container', (root) => readFileSync(join(root, 'etc/written'), 'utf8')),
      'kept',
    );
    assert.deepEqual(await snapshotter.usage('layer'), await fixture.snapshotter.usage('layer'));
    await assert.rejects(snapshotter.remove('layer'), (error) => isKind(error, 'conflict'));
    await snapshotter.prepare('next', 'layer');
    assert.ok(statSync(snapshotter.describe('next')['UpperDir'] ?? '').isDirectory());
  });
}
