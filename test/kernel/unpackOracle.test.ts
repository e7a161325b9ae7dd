/** What is unpacked equals what GNU tar extracts, for archives in every format that GNU tar writes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { makeNode, setTimes, setXattr } from '../../src/linux/index.ts';
import { digestOf } from '../../src/oci/index.ts';
import { packTar } from '../../src/base/index.ts';
import { unpackLayer } from '../../src/store/unpack/unpackLayer.ts';
import { readTree } from '../contract/tree.ts';

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-oracle-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function writeSparse(path: string, segments: number, sizeBytes: number): void {
  const fd = openSync(path, 'w');
  for (let index = 0; index < segments; index++)
    writeSync(fd, Buffer.alloc(5000, `segment ${index} `), 0, 5000, index * 50_000 + 8192);
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
}

/** A tree with everything that the file system and `format` can hold. */
function makeTree(root: string, isLimited: boolean): void {
  mkdirSync(join(root, 'dir/inner'), { recursive: true });
  writeFileSync(join(root, 'dir/empty'), '');
  writeFileSync(join(root, 'dir/block'), Buffer.alloc(512, 'x'));
  writeFileSync(join(root, 'dir/large'), Buffer.alloc(3_000_001, 'large file '));
  writeFileSync(join(root, 'setuid'), 'x');
  chownSync(join(root, 'setuid'), 65_534, 12_345);
  chmodSync(join(root, 'setuid'), 0o6751);
  chmodSync(join(root, 'dir/inner'), 0o1777);
  symlinkSync('../../outside/\u00e4', join(root, 'dir/link'));
  linkSync(join(root, 'dir/large'), join(root, 'hard'));
  makeNode(join(root, 'null'), 'characterDevice', 0o666, 1, 3);
  makeNode(join(root, 'disk'), 'blockDevice', 0o660, 259, 70_000 % 65_536);
  makeNode(join(root, 'pipe'), 'fifo', 0o620);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0x80, 0x20, 0x0a)]), 'odd name');
  if (!isLimited) makeLongNames(root);
  setTimes(join(root, 'setuid'), 1n, isLimited ? 1_000_000_000n : 1_234_567_890_123_456_789n);
  setTimes(join(root, 'dir/inner'), 1n, 4_000_000_000n * 1_000_000_000n);
}

function makeLongNames(root: string): void {
  const deep = join(root, ...Array.from({ length: 12 }, (_, index) => `${index}`.repeat(60)));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'n'.repeat(255)), 'long');
  symlinkSync('t'.repeat(300), join(root, 'long-link'));
  linkSync(join(deep, 'n'.repeat(255)), join(root, 'hard-to-long'));
  chownSync(join(root, 'long-link').replace('long-link', 'hard-to-long'), 3_000_000, 4_000_000_000);
}

function addAttributes(root: string): void {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  setXattr(join(root, 'dir/block'), 'security.capability', capability);
  setXattr(join(root, 'dir/block'), 'user.binary', Buffer.of(0, 10, 61, 255));
  setXattr(join(root, 'dir/inner'), 'user.of-a-directory', Buffer.from('x'));
  setXattr(join(root, 'dir/link'), 'trusted.of-a-link', Buffer.from('y'));
}

function roundedToSeconds(tree: ReturnType<typeof readTree>): ReturnType<typeof readTree> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, entry]) => [name, { ...entry, mtimeNs: entry.mtimeNs / 1_000_000_000n }]),
  );
}

async function unpackedTree(dir: string, archive: Buffer, blob: Buffer): Promise<ReturnType<typeof readTree>> {
  const upper = mkdtempSync(join(dir, 'upper-'));
  const path = `${upper}.blob`;
  writeFileSync(path, blob);
  const job = { path, diffId: digestOf(archive), limitBytes: 2 ** 40, upper, lowers: [] };
  await unpackLayer(job, new AbortController().signal);
  return readTree(upper);
}

function extractedTree(dir: string, archivePath: string): ReturnType<typeof readTree> {
  const target = mkdtempSync(join(dir, 'oracle-'));
  const flags = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner', '-p'];
  execFileSync('tar', ['-xf', archivePath, '-C', target, ...flags], { stdio: ['ignore', 'ignore', 'ignore'] });
  return readTree(target);
}

const formats: Readonly<Record<string, { flags: string[]; isLimited?: boolean; hasAttributes?: boolean }>> = {
  gnu: { flags: ['--format=gnu'] },
  'gnu with sparse files': { flags: ['--format=gnu', '--sparse'] },
  'pax with sparse files of version 0.0': { flags: ['--format=pax', '--sparse', '--sparse-version=0.0'] },
  'pax with sparse files of version 0.1': { flags: ['--format=pax', '--sparse', '--sparse-version=0.1'] },
  'pax with sparse files of version 1.0': { flags: ['--format=pax', '--sparse', '--sparse-version=1.0'] },
  'pax with attributes': { flags: ['--format=pax', '--xattrs', '--xattrs-include=*'], hasAttributes: true },
  ustar: { flags: ['--format=ustar'], isLimited: true },
  v7: { flags: ['--format=v7'], isLimited: true },
  oldgnu: { flags: ['--format=oldgnu', '--sparse'] },
};

for (const [name, { flags, isLimited = false, hasAttributes = false }] of Object.entries(formats))
  test(`an archive in the format ${name} is unpacked as GNU tar extracts it`, async (t) => {
    const dir = scratch(t);
    const source = join(dir, 'source');
    mkdirSync(source);
    makeTree(source, isLimited);
    if (hasAttributes) addAttributes(source);
    for (const segments of [0, 1, 3, 200]) writeSparse(join(source, `sparse-${segments}`), segments, 12_000_000);
    if (name === 'v7') for (const node of ['null', 'disk', 'pipe']) rmSync(join(source, node));
    const path = join(dir, 'archive.tar');
    execFileSync('tar', ['-cf', path, '-C', source, '--numeric-owner', ...flags, '.'], { stdio: 'ignore' });
    const archive = readFileSync(path);
    const middle = Math.floor(archive.length / 3);
    const halves = [archive.subarray(0, middle), archive.subarray(middle)];
    const ours = await unpackedTree(dir, archive, archive);
    assert.deepEqual(ours, extractedTree(dir, path));
    assert.ok(Object.keys(ours).length > 12);
    // The source itself is the oracle for what the format can hold.
    const original = roundedToSeconds(readTree(source));
    assert.deepEqual(roundedToSeconds(ours), original);
    const members = Buffer.concat(halves.map((half) => gzipSync(half, { level: 1 })));
    assert.deepEqual(await unpackedTree(dir, archive, members), ours);
    const skippable = Buffer.from('502a4d1803000000abcdef', 'hex');
    const frames = Buffer.concat([skippable, ...halves.map((half) => zstdCompressSync(half)), skippable]);
    assert.deepEqual(await unpackedTree(dir, archive, frames), ours);
  });

test('an archive made by packTar is extracted by GNU tar as we unpack it', async (t) => {
  const dir = scratch(t);
  const archive = packTar([
    { path: './', mode: 0o700, mtimeNs: 1_600_000_000_000_000_001n },
    { path: 'directory/', mode: 0o1750, uid: 1, gid: 2, xattrs: { 'user.d': 'e' } },
    { path: 'directory/\u00fc\ud55c\uae00', content: '\u00fc', mtimeNs: -1_500_000_001n },
    {
      path: `${'p'.repeat(99)}/${'q'.repeat(99)}/${'r'.repeat(99)}`,
      content: 'long',
      uid: 4_000_000_000,
      gid: 2_097_152,
    },
    { path: `${'s'.repeat(120)}/${'q'.repeat(90)}`, content: 'in prefix and name' },
    { path: 'link', linkPath: '\u00fc'.repeat(80) },
    { path: 'hard', type: 'hardlink', linkPath: 'directory/\u00fc\ud55c\uae00' },
    { path: 'device', type: 'blockDevice', device: [8, 1], mode: 0o600 },
    { path: 'pipe', type: 'fifo' },
    { path: 'attributes', content: '', xattrs: { 'user.binary': Buffer.of(0, 61, 10) } },
  ]);
  const path = join(dir, 'archive.tar');
  writeFileSync(path, archive);
  const [ours, theirs] = [await unpackedTree(dir, archive, archive), extractedTree(dir, path)];
  assert.deepEqual(withoutImplicitTimes(ours), withoutImplicitTimes(theirs));
});

const implicit = /^\.\/[ps]+(\/q+)?$/;

/** Directories that the archive does not describe have the time and the umask of their making. */
function withoutImplicitTimes(tree: ReturnType<typeof readTree>): ReturnType<typeof readTree> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, entry]) => [
      name,
      implicit.test(name) ? { ...entry, mtimeNs: 0n, mode: 'implicit' } : entry,
    ]),
  );
}
