import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { GantryError, isKind } from '../errors.ts';
import { blockBytes, toByteString, type EntryType, type TarEntry } from './entry.ts';
import { isZeroBlock, numberAt, parseHeader } from './header.ts';
import { packTar } from './pack.ts';
import { parsePax, paxTimeNs } from './pax.ts';
import { TarReader } from './reader.ts';
import { encodeHeader, endOfArchive, paddingOf, type WritableEntry } from './writer.ts';

/** Reads `archive` in chunks of `chunkBytes`. */
async function readAll(archive: Buffer, chunkBytes = 10_000): Promise<{ entry: TarEntry; data: Buffer }[]> {
  let at = 0;
  const reader = new TarReader(async () => {
    if (at >= archive.length) return undefined;
    at += chunkBytes;
    return archive.subarray(at - chunkBytes, at);
  });
  const entries: { entry: TarEntry; data: Buffer }[] = [];
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    const pieces: Buffer[] = [];
    await reader.readData((piece) => pieces.push(Buffer.from(piece)));
    entries.push({ entry, data: Buffer.concat(pieces) });
  }
  await reader.drain();
  return entries;
}

const byteString = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: 1, maxLength }).map((bytes) => toByteString(bytes.map((byte) => byte || 1)));

const plainTypes: readonly EntryType[] = ['symlink', 'hardlink', 'characterDevice', 'blockDevice', 'directory', 'fifo'];

const writable: fc.Arbitrary<WritableEntry & { content: Buffer }> = fc
  .record({
    // A name that ends with a slash makes a file a directory.
    path: byteString(300).map((path) => `${path}x`),
    type: fc.oneof(fc.constant<EntryType>('file'), fc.constantFrom(...plainTypes)),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.nat(70_000), fc.nat(0xffff_fffe)),
    gid: fc.oneof(fc.nat(70_000), fc.nat(0xffff_fffe)),
    mtimeNs: fc.bigInt({ min: -(10n ** 19n), max: 10n ** 20n }),
    linkPath: fc.oneof(fc.constant(''), byteString(300)),
    deviceMajor: fc.nat(0o7777777),
    deviceMinor: fc.nat(0o7777777),
    xattrs: fc
      .array(fc.tuple(byteString(20), fc.uint8Array({ maxLength: 50 })))
      .map((pairs) => new Map(pairs.map(([name, value]) => [name.replaceAll('=', '_'), Buffer.from(value)]))),
    content: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  })
  .map((entry) => {
    const content = entry.type === 'file' ? entry.content : Buffer.alloc(0);
    return { ...entry, content, sizeBytes: content.length };
  });

test('what the writer encodes the reader gives back, in whatever chunks it comes', async () => {
  const property = fc.asyncProperty(
    fc.array(writable, { maxLength: 5 }),
    fc.integer({ min: 1, max: 5000 }),
    async (entries, chunk) => {
      const parts = entries.flatMap((entry) => [encodeHeader(entry), entry.content, paddingOf(entry.sizeBytes)]);
      const read = await readAll(Buffer.concat([...parts, endOfArchive()]), chunk);
      const actual = read.map(({ entry, data }) => ({ ...entry, content: data }));
      assert.deepEqual(
        actual,
        entries.map((entry) => ({ ...entry, atimeNs: undefined, sparse: undefined })),
      );
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test('damaged archives are refused as invalid or read, and nothing else happens', async () => {
  const archive = packTar([
    { path: 'a'.repeat(150), content: 'x'.repeat(700), xattrs: { 'user.x': 'y' }, uid: 3_000_000 },
    { path: 'b', linkPath: 'c'.repeat(200) },
  ]);
  const damage = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(damage, fc.boolean(), fc.nat(archive.length), async (changes, isMended, length) => {
    const damaged = Buffer.from(archive);
    for (const [at, byte] of changes) damaged[at] = byte;
    if (isMended)
      for (let at = 0; at < damaged.length; at += blockBytes) mendChecksum(damaged.subarray(at, at + blockBytes));
    await readAll(damaged.subarray(0, length)).catch((error: unknown) =>
      assert.ok(isKind(error, 'invalid'), String(error)),
    );
  });
  await fc.assert(property, { numRuns: 1000 });
});

/** Makes a damaged block pass the first check, so that the others are reached. */
function mendChecksum(block: Buffer): void {
  if (isZeroBlock(block)) return;
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

test('any header block is parsed or refused as invalid', () => {
  const property = fc.property(
    fc.uint8Array({ minLength: blockBytes, maxLength: blockBytes }),
    fc.boolean(),
    (bytes, isGnu) => {
      const block = Buffer.from(bytes);
      if (isGnu) block.write('Sustar  \0'.slice(1), 257, 'latin1');
      if (isGnu) block.write('S', 156, 'latin1');
      mendChecksum(block);
      try {
        const header = parseHeader(block);
        assert.ok(header.sizeBytes >= 0 && Number.isSafeInteger(header.uid));
      } catch (error) {
        assert.ok(isKind(error, 'invalid'), String(error));
      }
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

function field(text: string): Buffer {
  return Buffer.from(text.padEnd(12, '\0'), 'latin1');
}

test('numbers are octal with any filling, or base-256 of either sign', () => {
  const cases: [string, number][] = [
    ['00000000644\0', 0o644],
    ['   644 \0', 0o644],
    ['', 0],
    ['\x80\0\0\0\0\0\0\x01\0\0\0\0', 2 ** 32],
    ['\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe', -2],
  ];
  for (const [text, value] of cases) assert.equal(numberAt(field(text), 0, 12, 'size'), value);
  for (const text of ['8', '-1', '1 2', '\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'])
    assert.throws(() => numberAt(field(text), 0, 12, 'size'), GantryError, text);
});

function keys(text: string): string[] {
  return parsePax(Buffer.from(text)).map(({ key, value }) => `${key}:${value.toString()}`);
}

test('pax records are parsed strictly', () => {
  assert.deepEqual(keys('12 path=foo\n9 path=b\n5 a=\n'), ['path:foo', 'path:b', 'a:']);
  assert.deepEqual(keys('15 a=b=c\nd 1 =\n'), ['a:b=c\nd 1 =']);
  for (const text of [
    '12 path=foo',
    '13 path=foo\n',
    '0 path=foo\n',
    'x',
    '9999999999 a=b\n',
    '5 =a\n',
    '6 abc\n',
    '-6 a=b\n',
  ])
    assert.throws(() => keys(text), GantryError, text);
  assert.deepEqual(
    ['1', '-1.5', '1.0123456789', '0.'].map((text) => paxTimeNs(Buffer.from(text))),
    [1_000_000_000n, -1_500_000_000n, 1_012_345_678n, 0n],
  );
  for (const text of ['', '1e5', '.5', '1.-5']) assert.throws(() => paxTimeNs(Buffer.from(text)), GantryError, text);
});

test('headers that are too large or too many are refused', async () => {
  const plain: WritableEntry = {
    path: 'x',
    type: 'file',
    mode: 0,
    uid: 0,
    gid: 0,
    sizeBytes: 2_000_000,
    mtimeNs: 0n,
    linkPath: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  };
  const flagged = (flag: string, sizeBytes: number): Buffer => {
    const block = encodeHeader({ ...plain, sizeBytes });
    block.write(flag, 156, 'latin1');
    mendChecksum(block);
    return block;
  };
  for (const flag of ['x', 'g', 'L', 'K'])
    await assert.rejects(readAll(flagged(flag, 2_000_000)), /extended header of 2000000 bytes/);
  const many = Buffer.concat(Array.from({ length: 20 }, () => flagged('x', 0)));
  await assert.rejects(readAll(many), /more than 16 extended headers/);
  await assert.rejects(readAll(flagged('x', 0)), /truncated/);
  await assert.rejects(readAll(flagged('Z', 0)), /unknown type "Z"/);
});

test('a header may hold as many records as fit', async () => {
  const count = 200_000;
  const body = Buffer.from('5 a=\n'.repeat(count));
  const pax = Buffer.from(
    packTar([{ path: 'pax', content: body }]).subarray(0, 512 * (1 + Math.ceil(body.length / 512))),
  );
  pax.write('x', 156, 'latin1');
  mendChecksum(pax.subarray(0, 512));
  const [only, ...others] = await readAll(Buffer.concat([pax, packTar([{ path: 'f', content: 'x' }])]));
  assert.deepEqual([only?.entry.path, others.length], ['f', 0]);
});

/** An archive with one sparse file of pax version 0.1. */
function sparse(map: string, realSize: string, sizeBytes: number): Buffer {
  const records = [`GNU.sparse.map=${map}\n`, `GNU.sparse.size=${realSize}\n`].map((record) => {
    const length = record.length + 3 + (record.length > 96 ? 1 : 0);
    return `${length} ${record}`;
  });
  const body = Buffer.from(records.join(''));
  const pax = Buffer.from(packTar([{ path: 'pax', content: body }]).subarray(0, 1024));
  pax.write('x', 156, 'latin1');
  mendChecksum(pax.subarray(0, 512));
  return Buffer.concat([pax, packTar([{ path: 'f', content: 'x'.repeat(sizeBytes) }])]);
}

test('sparse maps that do not fit their files are refused', async () => {
  const [read] = await readAll(sparse('0,5,100,5', '200', 10));
  assert.deepEqual([read?.entry.sizeBytes, read?.entry.sparse?.length, read?.data.length], [200, 2, 10]);
  const cases: [map: string, realSize: string][] = [
    ['100,5,0,5', '200'],
    ['0,5,4,5', '200'],
    ['0,5,100,5', '102'],
    ['0,5,100,6', '200'],
    ['0,5,100', '200'],
    ['0,-5,100,15', '200'],
    ['0,10', '99999999999999999'],
  ];
  for (const [map, size] of cases)
    await assert.rejects(readAll(sparse(map, size, 10)), (error) => isKind(error, 'invalid'), map);
});
