/** What every Snapshotter promises about a snapshot's changes; see `changes` and `writeLayer` in src/store/snapshotter.ts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { PackEntry } from '../../src/base/index.ts';
import { makeNode, setXattr } from '../../src/linux/index.ts';
import { digestOf } from '../../src/oci/index.ts';
import { addLayer, layerOf, mounted, type SnapshotterFixture } from './snapshotterFixture.ts';
import { readTree, type TreeEntry } from './tree.ts';

const lower: PackEntry[] = [
  { path: 'bin/' },
  { path: 'bin/sh', content: 'shell', mode: 0o755, xattrs: { 'user.a': 'b' } },
  { path: 'bin/ls', content: 'ls' },
  { path: 'etc/' },
  { path: 'etc/passwd', content: 'root' },
  { path: 'etc/deep/' },
  { path: 'etc/deep/one', content: '1' },
  { path: 'etc/deep/two/' },
  { path: 'etc/deep/two/three', content: '3' },
  { path: 'gone/' },
  { path: 'gone/with/all', content: 'that is in it' },
  { path: 'same/' },
  { path: 'same/file', content: 'same' },
  { path: 'turned/' },
  { path: 'turned/file', content: '' },
  { path: 'link', linkPath: 'bin' },
];

type Make = (t: TestContext) => SnapshotterFixture;

/** Everything that a container can do to its files; gives what holds a socket open. */
function changeAll(root: string): void {
  const at = (path: string): string => join(root, path);
  appendFileSync(at('etc/passwd'), ' and more');
  mkdirSync(at('opt/a/b'), { recursive: true });
  writeFileSync(at('opt/a/b/file'), Buffer.alloc(2_500_001, 'content '));
  linkSync(at('opt/a/b/file'), at('opt/second'));
  rmSync(at('gone'), { recursive: true });
  rmSync(at('bin/ls'));
  rmSync(at('etc/deep'), { recursive: true });
  mkdirSync(at('etc/deep/two'), { recursive: true });
  writeFileSync(at('etc/deep/new'), 'new');
  chmodSync(at('same/file'), 0o644); // copied up, and the same as before
  rmSync(at('turned'), { recursive: true });
  writeFileSync(at('turned'), 'a file now');
  rmSync(at('link'));
  mkdirSync(at('link'));
  writeFileSync(at('link/inside'), '');
  setXattr(at('bin/sh'), 'user.a', Buffer.from('c'));
  makeNode(at('null'), 'characterDevice', 0o666, 1, 3);
  makeNode(at('pipe'), 'fifo', 0o620);
  symlinkSync('/no/where', at('symlink'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0x80, 0x20, 0x0a)]), 'odd name');
  mkdirSync(at('long/'.repeat(60)), { recursive: true });
  writeFileSync(at('owned'), 'x');
  chownSync(at('owned'), 70_000, 3_000_000);
  chmodSync(at('owned'), 0o4755);
  setXattr(at('owned'), 'security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex'));
  lutimesSync(at('owned'), 1_600_000_000.25, 1_600_000_000.25);
}

const expectedChanges = [
  'C /bin',
  'D /bin/ls',
  'C /bin/sh',
  'C /etc',
  'C /etc/deep',
  'A /etc/deep/new',
  'D /etc/deep/one',
  'C /etc/deep/two',
  'D /etc/deep/two/three',
  'C /etc/passwd',
  'D /gone',
  'C /link',
  'A /link/inside',
  ...Array.from({ length: 60 }, (_, depth) => `A /${Array.from({ length: depth + 1 }, () => 'long').join('/')}`),
  'A /null',
  'A /opt',
  'A /opt/a',
  'A /opt/a/b',
  'A /opt/a/b/file',
  'A /opt/second',
  'A /owned',
  'A /pipe',
  'A /symlink',
  'C /turned',
  'A /\ufffd\ufffd \n',
];

const letters = { added: 'A', modified: 'C', deleted: 'D' };

async function changesOf({ snapshotter }: SnapshotterFixture, key: string, made: string[] = []): Promise<string[]> {
  return (await snapshotter.changes(key, made)).map(({ path, kind }) => `${letters[kind]} ${path}`);
}

/** A tree to compare: archives have whole seconds, and the root itself is no part of a layer. */
function comparable(tree: Record<string, TreeEntry>): Record<string, TreeEntry> {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([name]) => name !== '.')
      .map(([name, entry]) => [name, { ...entry, mtimeNs: entry.mtimeNs / 1_000_000_000n }]),
  );
}

/** GNU tar's listing, without the times. */
function listed(path: string): string[] {
  const lines = execFileSync('tar', ['--numeric-owner', '--quoting-style=literal', '-tvf', path], {
    encoding: 'latin1',
  });
  return lines
    .split('\n')
    .flatMap((line) => line.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d /, ' ').replaceAll(/ +/g, ' ') || []);
}

export function changeTests(make: Make): void {
  test('changes are what is different from the parent, directories before what is in them', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'lower', undefined, lower);
    await fixture.snapshotter.prepare('key', 'lower');
    assert.deepEqual(await changesOf(fixture, 'key'), []);
    await mounted(fixture, 'key', changeAll);
    assert.deepEqual(await changesOf(fixture, 'key'), expectedChanges);
    await fixture.snapshotter.prepare('alone', undefined);
    await mounted(fixture, 'alone', (root) => mkdirSync(join(root, 'a/b'), { recursive: true }));
    assert.deepEqual(await changesOf(fixture, 'alone'), ['A /a', 'A /a/b']);
    await assert.rejects(fixture.snapshotter.changes('lower', []), /committed/);
  });

  test('a layer written of the changes makes of the parent what the snapshot is', async (t) => {
    const fixture = make(t);
    const { snapshotter, scratch } = fixture;
    await addLayer(fixture, 'lower', undefined, lower);
    await snapshotter.prepare('key', 'lower');
    await mounted(fixture, 'key', changeAll);
    const path = join(scratch, 'layer.tar');
    const written = await snapshotter.writeLayer('key', path, []);
    const archive = readFileSync(path);
    assert.deepEqual(written, { digest: digestOf(archive), sizeBytes: archive.length, isEmpty: false });
    await snapshotter.prepare('applied', 'lower');
    await snapshotter.apply('applied', layerOf(scratch, archive));
    const [wanted, got] = [await mounted(fixture, 'key', readTree), await mounted(fixture, 'applied', readTree)];
    assert.deepEqual(comparable(got), comparable(wanted));
    const again = await snapshotter.writeLayer('key', `${path}.again`, []);
    assert.equal(again.digest, written.digest, 'the same changes give the same bytes');
    assert.deepEqual(
      listed(path).filter((line) => /(\.wh\.|owned|null|second|pipe|link)/.test(line)),
      [
        '-rw------- 0/0 0 bin/.wh.ls',
        '-rw------- 0/0 0 etc/deep/.wh..wh..opq',
        '-rw------- 0/0 0 .wh.gone',
        'drwxr-xr-x 0/0 0 link/',
        '-rw-r--r-- 0/0 0 link/inside',
        'crw-r--r-- 0/0 1,3 null',
        'hrw-r--r-- 0/0 0 opt/second link to opt/a/b/file',
        '-rwsr-xr-x 70000/3000000 1 owned',
        'prw------- 0/0 0 pipe',
        'lrwxrwxrwx 0/0 0 symlink -> /no/where',
      ],
    );
  });

  test('what the mounter makes in a root is no change, unless it is used', async (t) => {
    const fixture = make(t);
    await addLayer(fixture, 'lower', undefined, lower);
    await fixture.snapshotter.prepare('key', 'lower');
    await mounted(fixture, 'key', (root) => {
      for (const path of ['dev/pts', 'proc', 'etc']) mkdirSync(join(root, path), { recursive: true });
      for (const path of ['etc/hosts', '.mark']) writeFileSync(join(root, path), '');
      symlinkSync('/proc/mounts', join(root, 'etc/mtab'));
    });
    const made = ['/dev', '/dev/pts', '/proc', '/etc/hosts', '/etc/mtab', '/.mark'];
    assert.deepEqual(await changesOf(fixture, 'key', made), []);
    const path = join(fixture.scratch, 'empty.tar');
    const empty = await fixture.snapshotter.writeLayer('key', path, made);
    assert.deepEqual([empty.isEmpty, statSync(path).size, listed(path)], [true, 1024, []]);
    await mounted(fixture, 'key', (root) => {
      writeFileSync(join(root, 'etc/hosts'), 'x');
      writeFileSync(join(root, 'dev/file'), '');
      unlinkSync(join(root, 'etc/mtab'));
      symlinkSync('/etc/fstab', join(root, 'etc/mtab'));
    });
    assert.deepEqual(await changesOf(fixture, 'key', made), [
      'C /dev',
      'A /dev/file',
      'C /etc',
      'C /etc/hosts',
      'C /etc/mtab',
    ]);
  });

  test('a socket is told and not written; what nobody can read whole is bounded', async (t) => {
    const fixture = make(t);
    await fixture.snapshotter.prepare('key', undefined);
    await mounted(fixture, 'key', async (root) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(root, 's'), resolve));
      linkSync(join(root, 's'), join(root, 'kept'));
      server.close();
    });
    assert.deepEqual(await changesOf(fixture, 'key'), ['A /kept']);
    const path = join(fixture.scratch, 'socket.tar');
    assert.equal((await fixture.snapshotter.writeLayer('key', path, [])).isEmpty, true);
    await mounted(fixture, 'key', (root) => {
      writeFileSync(join(root, 'huge'), '');
      truncateSync(join(root, 'huge'), 2 ** 43);
    });
    const refused = join(fixture.scratch, 'huge.tar');
    await assert.rejects(fixture.snapshotter.writeLayer('key', refused, []), /more than the \d+ bytes/);
    assert.equal(existsSync(refused), false, 'nothing is left of what was refused');
  });

  test('directories that are renamed are whole in the layer', async (t) => {
    const fixture = make(t);
    await fixture.snapshotter.prepare('base-key', undefined);
    await mounted(fixture, 'base-key', (root) => {
      mkdirSync(join(root, 'a'));
      writeFileSync(join(root, 'a/f'), 'x');
    });
    await fixture.snapshotter.commit('base', 'base-key');
    await fixture.snapshotter.prepare('key', 'base');
    await mounted(fixture, 'key', (root) => {
      mkdirSync(join(root, 'b'));
      renameSync(join(root, 'a/f'), join(root, 'b/f'));
    });
    assert.deepEqual(await changesOf(fixture, 'key'), ['C /a', 'D /a/f', 'A /b', 'A /b/f']);
  });
}
