import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { GantryError, isKind, packTar, type PackEntry } from '../../src/base/index.ts';
import { kernelMounter, openPathOnly } from '../../src/linux/index.ts';
import { eventually, run } from '../support/run.ts';
import { ArchiveThreads, type ArchiveContent, type ContainerRoot } from '../../src/store/index.ts';

const secret = 'a secret of the host';

interface Place {
  readonly dir: string;
  /** The container's root. */
  readonly root: string;
  readonly outside: string;
  readonly opened: ContainerRoot;
}

/** A root, and beside it what nothing may touch. */
function place(t: TestContext): Place {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-archives-'));
  const [root, outside] = [join(dir, 'root'), join(dir, 'outside')];
  mkdirSync(join(root, 'd'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), secret);
  const fd = openSync(root, openPathOnly | constants.O_DIRECTORY);
  t.after(() => {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });
  return { dir, root, outside, opened: { kind: 'open', fd } };
}

function assertUntouched({ dir, outside }: Place): void {
  assert.deepEqual(readdirSync(dir).toSorted(), ['outside', 'root']);
  assert.deepEqual(readdirSync(outside), ['secret']);
  assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), secret);
}

/** Exchanges two names without a pause until the returned function is called. */
async function swap(one: string, other: string): Promise<() => Promise<void>> {
  const worker = new Worker(new URL('./swapper.ts', import.meta.url), { workerData: { one, other } });
  await once(worker, 'message');
  return async () => {
    worker.postMessage('end');
    await once(worker, 'exit');
  };
}

async function unpack(threads: ArchiveThreads, root: ContainerRoot, path: string, archive: Buffer): Promise<string> {
  const options = { keepsKinds: false, owner: undefined };
  try {
    await threads.unpack(root, { path, chunks: ReadableStream.from([archive]), options, isRootReadOnly: false });
    return 'done';
  } catch (error) {
    assert.ok(error instanceof GantryError, String(error));
    return error.kind === 'internal' ? error.message : error.kind;
  }
}

async function bytesOf(content: ArchiveContent): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content.chunks) chunks.push(Buffer.from(chunk));
  await content.closed;
  return Buffer.concat(chunks);
}

/** How many descriptors there are of pipes, which threads have too, and of what lies in the tests' directories. */
function heldDescriptors(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    const path = `/proc/self/fd/${fd}`;
    // That of the listing itself is closed by now.
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? '' : readlinkSync(path);
  });
  return targets.filter((target) => target.startsWith('pipe:') || target.includes('gantry-archives-')).length;
}

const heldAtFirst = heldDescriptors();

/** Only the test's own root is open, once the threads have gone. */
async function assertNothingHeld(): Promise<void> {
  await eventually('all is closed', async () => heldDescriptors() === heldAtFirst + 1);
}

async function* failing(): AsyncGenerator<Buffer> {
  yield packTar([{ path: 'begun', content: 'x'.repeat(600) }]).subarray(0, 1024);
  throw new GantryError('cancelled', 'the client has gone');
}

const files = Array.from({ length: 20 }, (_, index) => ({ path: `sub/f${index}`, content: `content ${index}` }));

test('what is swapped for a link to the outside while an archive is unpacked leads nothing out', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  symlinkSync(here.outside, join(here.root, 'l'));
  // Inside the root the link leads here.
  const mirror = join(here.root, here.outside);
  mkdirSync(mirror, { recursive: true });
  const stop = await swap(join(here.root, 'd'), join(here.root, 'l'));
  const entries: PackEntry[] = [
    ...files.map((file) => ({ ...file, path: `d/${file.path}` })),
    { path: 'd/link', type: 'hardlink', linkPath: 'd/sub/f0' },
    { path: 'd/secret', content: 'overwritten' },
  ];
  const below = entries.map(({ path, linkPath, ...rest }) => ({
    ...rest,
    path: path.slice(2),
    ...(linkPath === undefined ? {} : { linkPath: linkPath.slice(2) }),
  }));
  for (let round = 0; round < 150; round++) {
    const isBelow = round % 2 === 1;
    await unpack(threads, here.opened, isBelow ? '/d' : '/', packTar(isBelow ? below : entries));
  }
  await stop();
  assertUntouched(here);
  const real = ['d', 'l'].map((each) => join(here.root, each)).find((each) => !lstatSync(each).isSymbolicLink()) ?? '';
  for (const dir of [mirror, real]) assert.ok(existsSync(join(dir, 'sub/f0')), `the swaps were met: ${dir}`);
});

test('what is swapped for a link to the outside while it is archived is never read', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  mkdirSync(join(here.root, 'top/d'), { recursive: true });
  for (let index = 0; index < 20; index++) writeFileSync(join(here.root, `top/d/f${index}`), 'x'.repeat(100));
  writeFileSync(join(here.root, 'top/d/secret'), 'of the container');
  symlinkSync(here.outside, join(here.root, 'top/l'));
  const stop = await swap(join(here.root, 'top/d'), join(here.root, 'top/l'));
  const met = new Set<string>();
  for (let round = 0; round < 150; round++) {
    const paths = ['/top', '/top/d/', '/top/d/secret'];
    try {
      const { content } = await threads.pack(here.opened, paths[round % 3] ?? '/');
      const archive = await bytesOf(content);
      assert.ok(!archive.includes(secret), 'no content from the outside');
      met.add(archive.includes('of the container') ? 'whole' : 'link');
    } catch (error) {
      assert.ok(isKind(error, 'notFound') || isKind(error, 'invalid') || isKind(error, 'unavailable'), String(error));
      met.add('refused');
    }
  }
  await stop();
  assertUntouched(here);
  assert.ok(met.size > 1, `the swaps were met: ${[...met].join()}`);
});

const name = fc.constantFrom('a', 'b', 'd', 'l', '..', '.', '', 'secret', 'x'.repeat(300));
const somePath = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const linkPath = fc.oneof(
  somePath,
  fc.constantFrom('/', '/d', '..', '../../../../..', '../outside', '/proc/self/root', '../root/../outside/secret'),
);
const entry: fc.Arbitrary<PackEntry> = fc.oneof(
  fc.record({
    path: fc.oneof(
      somePath,
      somePath.map((text) => `/${text}`),
    ),
    content: fc.string(),
  }),
  fc.record({ path: somePath.map((text) => `${text}/`), mode: fc.constantFrom(0, 0o755, 0o7777) }),
  fc.record({ path: somePath, type: fc.constantFrom('symlink' as const, 'hardlink' as const), linkPath }),
  fc.record({ path: somePath, type: fc.constant('fifo' as const), uid: fc.constantFrom(0, 2 ** 32, 1234) }),
);

test('no archive, whatever is in it, leads out of the root', async (t) => {
  const threads = new ArchiveThreads();
  const here = place(t);
  const reset = (): void => {
    for (const left of readdirSync(here.root)) rmSync(join(here.root, left), { recursive: true });
    mkdirSync(join(here.root, 'd'));
    symlinkSync(here.outside, join(here.root, 'l'));
    symlinkSync('../../outside', join(here.root, 'd/l'));
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 8 }),
      fc.constantFrom('/', '/d', '/l', '/d/l/'),
      async (entries, at) => {
        reset();
        const end = await unpack(threads, here.opened, at, packTar(entries));
        assert.ok(['done', 'invalid', 'forbidden', 'notFound'].includes(end), end);
        assertUntouched(here);
      },
    ),
    { numRuns: 300 },
  );
});

test('an archive that is cut off or damaged anywhere is refused, and leaves nothing open', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  const whole = packTar([
    { path: 'long/'.repeat(60), mode: 0o755 },
    { path: 'f', content: 'x'.repeat(3000) },
  ]);
  await unpack(threads, here.opened, '/', whole);
  for (const cutAt of [1, 511, 600, 1100, 2100, 3000, 4000]) {
    assert.equal(await unpack(threads, here.opened, '/d', whole.subarray(0, cutAt)), 'invalid', `${cutAt}`);
  }
  const huge = Buffer.from(packTar([{ path: 'huge', content: 'x' }]));
  huge.write('77777777777', 124);
  assert.equal(await unpack(threads, here.opened, '/d', huge), 'invalid', 'a size that the checksum does not know');
  assert.equal(await unpack(threads, here.opened, '/d', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4])), 'invalid');
  assert.equal(await unpack(threads, here.opened, '/none', whole), 'notFound');
  await assertNothingHeld();
});

test('an archive in a compression that is not read is refused by its name', async (t) => {
  const { opened } = place(t);
  const threads = new ArchiveThreads();
  const unpacked = (archive: Buffer): Promise<void> =>
    threads.unpack(opened, {
      path: '/',
      chunks: ReadableStream.from([archive]),
      options: { keepsKinds: false, owner: undefined },
      isRootReadOnly: false,
    });
  for (const [name, start] of [
    ['bzip2', Buffer.from('BZh91AY&SY')],
    ['xz', Buffer.from('fd377a585a000004', 'hex')],
  ] as const) {
    await assert.rejects(unpacked(start), (error) => isKind(error, 'notImplemented') && error.message.includes(name));
  }
});

test('an archive that comes byte by byte is known by its first ones all the same', async (t) => {
  const { root, opened } = place(t);
  const threads = new ArchiveThreads();
  // The thread is there by then, and reads what comes as it comes.
  await threads.stat(opened, '/d');
  const archive = gzipSync(packTar([{ path: 'slow', content: 'drop by drop' }]));
  const chunks = (async function* bytes(): AsyncGenerator<Buffer> {
    for (const byte of archive) {
      yield Buffer.of(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const options = { keepsKinds: false, owner: undefined };
  await threads.unpack(opened, { path: '/d', chunks, options, isRootReadOnly: false });
  assert.equal(readFileSync(join(root, 'd/slow'), 'utf8'), 'drop by drop');
});

test('a reader that gives up, and a writer that fails, end the work', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  writeFileSync(join(here.root, 'd/large'), Buffer.alloc(20_000_000));
  const { content } = await threads.pack(here.opened, '/d');
  for await (const chunk of content.chunks) {
    assert.ok(chunk.length > 0);
    break;
  }
  await content.closed;
  const unread = await threads.pack(here.opened, '/d');
  unread.content.close();
  await unread.content.closed;
  const options = { keepsKinds: false, owner: undefined };
  await assert.rejects(
    threads.unpack(here.opened, { path: '/', chunks: failing(), options, isRootReadOnly: false }),
    (error) => isKind(error, 'cancelled'),
  );
  await assertNothingHeld();
});

test('a view is a tree of its own: with its binds, read-only where it shall be, gone with the descriptor', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  const bind = { isReadOnly: false, isRecursive: true };
  const view: ContainerRoot = {
    kind: 'view',
    plan: {
      root: { type: 'bind', source: here.root, flags: [], options: [] },
      isReadOnly: false,
      place: here.dir,
      binds: [
        { ...bind, source: here.outside, destination: '/mnt/rw' },
        { ...bind, source: here.outside, destination: '/mnt/ro', isReadOnly: true },
        { ...bind, source: join(here.dir, 'missing'), destination: '/mnt/missing' },
      ],
    },
  };
  assert.equal(await unpack(threads, view, '/mnt/rw', packTar([{ path: 'f', content: 'x' }])), 'done');
  assert.equal(readFileSync(join(here.outside, 'f'), 'utf8'), 'x');
  assert.equal(await unpack(threads, view, '/mnt/ro', packTar([{ path: 'g', content: 'x' }])), 'forbidden');
  const { content } = await threads.pack(view, '/mnt');
  const archive = await bytesOf(content);
  assert.ok(archive.includes('mnt/ro/secret') && archive.includes('mnt/rw/f'));
  assert.equal(existsSync(join(here.root, 'mnt/rw/f')), false, 'the bind covers it');
  const sealed: ContainerRoot = { kind: 'view', plan: { ...view.plan, isReadOnly: true } };
  assert.equal(await unpack(threads, sealed, '/d', packTar([{ path: 'g', content: 'x' }])), 'forbidden');
  assert.equal(await unpack(threads, sealed, '/mnt/rw', packTar([{ path: 'h', content: 'x' }])), 'done');
  assert.deepEqual(kernelMounter.mountsUnder(here.dir), [], 'the host sees none of it');
  await assertNothingHeld();
  assert.ok(lstatSync(join(here.root, 'mnt')).isDirectory());
});

test('a view comes back to the root that it left, also where the daemon lives in a chroot', async (t) => {
  const { root } = place(t);
  // Only the chroot has this /mnt, so that a thread whose root is not the chroot's finds nothing there.
  const script =
    'mount --rbind / "$1" && mount -t tmpfs none "$1/mnt" && exec chroot "$1" "$2" --test --test-name-pattern="$4" "$3"';
  const again = [root, process.execPath, import.meta.filename, '^a view is a tree of its own'];
  const env = { TMPDIR: '/mnt', NODE_NO_WARNINGS: '1' };
  const { code, stdout } = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', ...again], { env });
  assert.match(stdout, /pass 1\n/);
  assert.equal(code, 0, stdout);
});

test('archives keep what a tree has, and come back equal', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  const entries: PackEntry[] = [
    { path: 'tree/', mode: 0o2751, uid: 3, gid: 4 },
    { path: 'tree/f', content: 'x'.repeat(70_000), mode: 0o4755, uid: 7, gid: 8, xattrs: { 'user.note': 'kept' } },
    { path: 'tree/g', type: 'hardlink', linkPath: 'tree/f' },
    { path: 'tree/plain', content: 'x', mode: 0o666 },
    { path: `tree/${'n'.repeat(250)}`, content: 'long', mtimeNs: 1_000_000_000_000_000_000n },
    { path: 'tree/sym', linkPath: 'f', uid: 9, gid: 9 },
    { path: 'tree/zero', type: 'characterDevice', device: [1, 5], mode: 0o666 },
    { path: 'tree/\u00fc\u540d', content: '' },
  ];
  assert.equal(await unpack(threads, here.opened, '/d', packTar(entries)), 'done');
  const plain = lstatSync(join(here.root, 'd/tree/plain'));
  assert.deepEqual([plain.mode & 0o7777, plain.gid], [0o666, 0], 'whatever the umask and the directory want');
  const first = await bytesOf((await threads.pack(here.opened, '/d/tree')).content);
  mkdirSync(join(here.root, 'again'));
  assert.equal(await unpack(threads, here.opened, '/again', first), 'done');
  const second = await bytesOf((await threads.pack(here.opened, '/again/tree')).content);
  assert.ok(first.equals(second));
  const kept = ['tree', 'tree/f'].map((name) => lstatSync(join(here.root, 'again', name)).mode & 0o7777);
  assert.deepEqual(kept, [0o2751, 0o4755], 'bits that run programs as others');
  for (const text of ['user.note', 'n'.repeat(250)]) assert.ok(first.includes(text), text);
});

test('a large file passes through a few buffers', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  const sizeBytes = 300 * 1024 * 1024;
  writeFileSync(join(here.root, 'd/large'), '');
  truncateSync(join(here.root, 'd/large'), sizeBytes);
  const atFirst = process.memoryUsage().arrayBuffers;
  let mostBytes = 0;
  let copiedBytes = 0;
  const { content } = await threads.pack(here.opened, '/d/large');
  for await (const chunk of content.chunks) {
    copiedBytes += chunk.length;
    mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers - atFirst);
  }
  assert.ok(copiedBytes > sizeBytes);
  assert.ok(mostBytes < 4 * 1024 * 1024, `${mostBytes} bytes of buffers`);
});

test('what cannot be decompressed is said to be so', async (t) => {
  const here = place(t);
  const threads = new ArchiveThreads();
  const starts = ['BZh91AY&SY', '\xfd7zXZ\0\0\x04'].map((text) => Buffer.from(text.padEnd(600), 'latin1'));
  for (const start of starts) assert.equal(await unpack(threads, here.opened, '/d', start), 'notImplemented');
  // A file's name may begin like one of them.
  assert.equal(await unpack(threads, here.opened, '/d', packTar([{ path: 'BZh9', content: 'x' }])), 'done');
});
