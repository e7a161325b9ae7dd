import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { type ContainerLog, createContainerLog, type LogEntry, type LogReadOptions } from './index.ts';
import { aSubject } from './testSubject.ts';

const everything: LogReadOptions = { follow: false, sinceNs: undefined, untilNs: undefined, tail: undefined };
const drivers = ['json-file', 'local'] as const;
type Config = Record<string, string> & { driver?: (typeof drivers)[number] };

/** A log in a directory of its own, whose clock begins at the epoch and adds a second each time it is asked. */
async function withLog(
  { driver = 'json-file', ...config }: Config,
  work: (log: ContainerLog, path: string, reopen: () => ContainerLog) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-log-'));
  const paths = { json: join(directory, 'container-json.log'), local: join(directory, 'container-local.log') };
  let nowNs = 0n;
  const clock = (): bigint => (nowNs += 1_000_000_000n);
  const create = (): ContainerLog =>
    createContainerLog({ Type: driver, Config: config }, { paths, subject: () => aSubject(), clock });
  try {
    await work(create(), driver === 'local' ? paths.local : paths.json, create);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function writeAll(log: ContainerLog, ...pieces: string[]): Promise<void> {
  const writer = await log.open();
  for (const piece of pieces) await writer.write('stdout', Buffer.from(piece));
  await writer.close();
}

async function entriesOf(log: ContainerLog, options: Partial<LogReadOptions> = {}): Promise<LogEntry[]> {
  return Array.fromAsync(log.read({ ...everything, ...options }, new AbortController().signal));
}

async function textOf(log: ContainerLog, options: Partial<LogReadOptions> = {}): Promise<string> {
  const entries = await entriesOf(log, options);
  return Buffer.concat(entries.map(({ data }) => data)).toString();
}

test('lines are on disk as Docker writes them', () =>
  withLog({}, async (log, path) => {
    const writer = await log.open();
    await writer.write('stdout', Buffer.from('one\ntw'));
    await writer.write('stderr', Buffer.from('tab\t"quoted" \\ \u0001 é\n'));
    await writer.write('stdout', Buffer.from('o\nrest'));
    await writer.close();
    assert.equal(
      await readFile(path, 'utf8'),
      String.raw`{"log":"one\n","stream":"stdout","time":"1970-01-01T00:00:01Z"}
{"log":"tab\t\"quoted\" \\ \u0001 é\n","stream":"stderr","time":"1970-01-01T00:00:02Z"}
{"log":"two\n","stream":"stdout","time":"1970-01-01T00:00:03Z"}
{"log":"rest","stream":"stdout","time":"1970-01-01T00:00:04Z"}
`,
    );
    const last = (await entriesOf(log)).at(-1);
    assert.deepEqual([last?.partial, last?.timeNs, last?.data.toString()], [true, 4_000_000_000n, 'rest']);
  }));

for (const driver of drivers)
  test(`any output comes back, stream by stream, in lines of at most 16 KiB, ${driver}`, async () => {
    const piece = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      text: fc.oneof(
        fc.string({ unit: fc.constantFrom('a', '\n', '"', '\\', 'n', '\t', 'é', '漢', '😀', '\u0000', '\u2028') }),
        fc.constantFrom('x'.repeat(16_383), 'x'.repeat(16_384), `${'é'.repeat(20_000)}\n`, '\n'.repeat(300)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) =>
        withLog({ driver, 'max-size': '1g' }, async (log) => {
          const writer = await log.open();
          for (const { stream, text } of pieces) await writer.write(stream, Buffer.from(text));
          await writer.close();
          const entries = await entriesOf(log);
          for (const stream of ['stdout', 'stderr'] as const) {
            const read = Buffer.concat(entries.filter((entry) => entry.stream === stream).map(({ data }) => data));
            const written = pieces.filter((one) => one.stream === stream).map(({ text }) => text);
            assert.equal(read.toString(), written.join(''));
          }
          assert.ok(entries.every(({ data }) => data.length <= 16_384 && data.length > 0));
          assert.ok(entries.every(({ data, partial }) => partial === (data.at(-1) !== 10)));
        }),
      ),
      { numRuns: 30 },
    );
  });

test('a character cut between two writes is whole, and what is no UTF-8 is replaced', () =>
  withLog({}, async (log) => {
    const writer = await log.open();
    await writer.write('stdout', Buffer.from([0xc3]));
    await writer.write('stdout', Buffer.from([0xa9, 0x0a, 0xff, 0x0a]));
    await writer.close();
    assert.equal(await textOf(log), 'é\n\ufffd\n');
  }));

test('the driver local keeps bytes as they are', () =>
  withLog({ driver: 'local' }, async (log, path) => {
    const writer = await log.open();
    await writer.write('stderr', Buffer.from([0xff, 0x00, 0x0d, 0x0a]));
    await writer.write('stdout', Buffer.from('rest'));
    await writer.close();
    assert.equal(await readFile(path, 'latin1'), 'e000000003b9aca00 \u00ff\0\r\nO0000000077359400 rest\n');
    const [first, last] = await entriesOf(log);
    assert.deepEqual(
      [first?.stream, [...(first?.data ?? [])], first?.timeNs],
      ['stderr', [255, 0, 13, 10], 1_000_000_000n],
    );
    assert.deepEqual([last?.partial, last?.data.toString()], [true, 'rest']);
  }));

test('damage in a local log is skipped', () =>
  withLog({ driver: 'local' }, async (log, path) => {
    await writeFile(path, 'junk\n\nx000000003b9aca00 a\no000000003b9acaZZ a\no000000003b9aca00 good\no0000');
    assert.equal(await textOf(log), 'good\n');
    await writeAll(log, 'next\n');
    assert.equal(await textOf(log), 'good\nnext\n');
  }));

test('a torn last line is skipped by readers and cut off by the next writer', () =>
  withLog({}, async (log, path, reopen) => {
    await writeAll(log, 'one\n');
    await appendFile(path, '{"log":"to');
    assert.equal(await textOf(reopen(), { tail: 1 }), 'one\n');
    await writeAll(reopen(), 'two\n');
    assert.equal(await textOf(reopen()), 'one\ntwo\n');
    await writeFile(
      path,
      'no json\n{"log":5}\n{"log":"x\\n","stream":"stdout","time":"2026-01-01T00:00:00.5+01:00"}\n',
    );
    assert.deepEqual(
      (await entriesOf(reopen())).map(({ timeNs }) => timeNs),
      [1_767_222_000_500_000_000n],
    );
  }));

test('tail, since and until choose entries', () =>
  withLog({}, async (log) => {
    await writeAll(log, 'a\n', 'b\n', 'c\n', 'd\n');
    assert.equal(await textOf(log, { tail: 2 }), 'c\nd\n');
    assert.equal(await textOf(log, { tail: 0 }), '');
    assert.equal(await textOf(log, { tail: 99 }), 'a\nb\nc\nd\n');
    assert.equal(await textOf(log, { sinceNs: 2_000_000_000n, untilNs: 3_000_000_000n }), 'b\nc\n');
    assert.equal(await textOf(log, { sinceNs: 9_000_000_000n }), '');
  }));

for (const compress of ['false', 'true']) {
  test(`files are rotated by size and count, compress=${compress}`, () =>
    withLog({ 'max-size': '1k', 'max-file': '3', compress }, async (log, path) => {
      const lines = Array.from({ length: 100 }, (_, index) => `line ${index}\n`);
      await writeAll(log, ...lines.slice(0, 50), lines.slice(50).join(''));
      const suffix = compress === 'true' ? '.gz' : '';
      const names = [`container-json.log.2${suffix}`, `container-json.log.1${suffix}`, 'container-json.log'];
      const directory = join(path, '..');
      assert.deepEqual((await readdir(directory)).sort(), names.toSorted());
      const kept = await textOf(log);
      assert.ok(kept.length > 300 && lines.join('').endsWith(kept), kept);
      for (const tail of [1, 10, 20, 30]) assert.equal(await textOf(log, { tail }), lines.slice(-tail).join(''));
      const rotated = await readFile(join(directory, names[0] ?? ''));
      const text = (compress === 'true' ? gunzipSync(rotated) : rotated).toString();
      assert.ok(text.length >= 1000 && text.length < 1100 && text.endsWith('}\n'));
      await log.remove();
      assert.deepEqual(await readdir(directory), []);
    }));

  test(`followers see everything across rotations and end with the writer, compress=${compress}`, () =>
    withLog({ 'max-size': '2k', 'max-file': '2', compress }, async (log) => {
      const writer = await log.open();
      await writer.write('stdout', Buffer.from('first\n'));
      const followers = [textOf(log, { follow: true }), textOf(log, { follow: true, tail: 0 })];
      const quick = log.read({ ...everything, follow: true }, new AbortController().signal)[Symbol.asyncIterator]();
      let expected = 'first\n';
      assert.equal((await quick.next()).value?.data.toString(), 'first\n');
      for (let index = 0; index < 200; index++) {
        const line = `line ${index}\n`;
        expected += line;
        await writer.write('stdout', Buffer.from(line));
        assert.equal((await quick.next()).value?.data.toString(), line);
      }
      await writer.close();
      assert.equal((await quick.next()).done, true);
      const [whole = '', fromNow = ''] = await Promise.all(followers);
      // They started at some point of their own and may have been overtaken by the rotation, but go on to the end.
      assert.ok(whole.startsWith('first\n') && whole.endsWith('line 199\n'));
      assert.ok(expected.endsWith(fromNow));
    }));
}

for (const compress of ['false', 'true']) {
  test(`a follower that lags by several rotations misses nothing, compress=${compress}`, () =>
    withLog({ 'max-size': '2k', 'max-file': '3', compress }, async (log) => {
      const writer = await log.open();
      const lines = Array.from({ length: 300 }, (_, index) => `line ${index}\n`);
      const batches = log.readBatches({ ...everything, follow: true }, new AbortController().signal);
      const slow = batches[Symbol.asyncIterator]();
      await writer.write('stdout', Buffer.from(lines[0] ?? ''));
      const read = [...((await slow.next()).value ?? [])];
      // Some ten files, of which the log keeps three.
      for (const line of lines.slice(1)) await writer.write('stdout', Buffer.from(line));
      await writer.close();
      for (let next = await slow.next(); next.done !== true; next = await slow.next()) read.push(...next.value);
      assert.equal(read.map(({ data }) => data.toString()).join(''), lines.join(''));
    }));
}

test('a follower ends when its last moment has passed, without a later entry', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-log-'));
  const paths = { json: join(directory, 'json.log'), local: '' };
  const log = createContainerLog({}, { paths, subject: () => aSubject() });
  const writer = await log.open();
  await writer.write('stdout', Buffer.from('early\n'));
  const untilNs = BigInt(Date.now() + 30) * 1_000_000n;
  assert.equal(await textOf(log, { follow: true, untilNs }), 'early\n');
  assert.ok(BigInt(Date.now() + 1) * 1_000_000n >= untilNs);
  await writer.close();
  await rm(directory, { recursive: true, force: true });
});

test('what is written is in the file when the write returns', () =>
  withLog({}, async (log, path) => {
    const writer = await log.open();
    const written = writer.write('stdout', Buffer.from('one\n'));
    assert.match(readFileSync(path, 'utf8'), /one/);
    await written;
    await writer.close();
  }));

test('a follower ends when it is told to, and what waits to be written is seen by readers', () =>
  withLog({}, async (log) => {
    const writer = await log.open();
    await writer.write('stdout', Buffer.from('one\n'));
    assert.equal(await textOf(log), 'one\n');
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { data } of log.read({ ...everything, follow: true }, stop.signal)) {
      seen.push(data.toString());
      stop.abort();
    }
    assert.deepEqual(seen, ['one\n']);
    const waiting = Array.fromAsync(log.read({ ...everything, follow: true, tail: 0 }, AbortSignal.any([stop.signal])));
    assert.deepEqual(await waiting, []);
    await writer.close();
    assert.equal(await textOf(log, { follow: true }), 'one\n', 'without a writer, following ends at the end');
    assert.equal(await textOf(log, { follow: true, tail: 0 }), '');
  }));

test('a log that was never written is empty', () =>
  withLog({}, async (log) => {
    assert.equal(await textOf(log), '');
    assert.equal(await textOf(log, { follow: true, tail: 3 }), '');
  }));

test('one writer at a time', () =>
  withLog({}, async (log) => {
    const writer = await log.open();
    await assert.rejects(log.open(), { kind: 'conflict' });
    await writer.close();
    await (await log.open()).close();
  }));
