/** What every ContentStore promises; see src/store/content.ts. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';

import { isKind } from '../../src/base/index.ts';
import { digestOf, type Digest } from '../../src/oci/index.ts';
import type { ContentStore } from '../../src/store/index.ts';

/** A store, and how to open it anew as a restarted daemon does. */
export interface ContentFixture {
  readonly store: ContentStore;
  readonly reopen: () => ContentStore;
}

const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
const expected = { digest: digestOf(bytes), size: bytes.length };

export function contentContract(name: string, make: (t: TestContext) => ContentFixture): void {
  describe(`${name} keeps the contract of ContentStore`, () => {
    test('what was put is there, whole, also after a restart; what was removed is not', async (t) => {
      const { store, reopen } = make(t);
      const digest = await store.put(bytes);
      assert.equal(digest, expected.digest);
      for (const each of [store, reopen()]) {
        assert.deepEqual(each.stat(digest), { sizeBytes: bytes.length });
        assert.ok((await each.read(digest)).equals(bytes));
        assert.ok((await buffer(each.open(digest))).equals(bytes));
        assert.deepEqual(Array.from(each.list()), [{ digest, sizeBytes: bytes.length }]);
      }
      await assert.rejects(store.read(digest, 100), (error) => isKind(error, 'invalid'));
      await store.remove(digest);
      await store.remove(digest);
      assert.equal(store.stat(digest), undefined);
      await assert.rejects(store.read(digest), (error) => isKind(error, 'notFound'));
      assert.throws(
        () => store.open(digest),
        (error) => isKind(error, 'notFound'),
      );
    });

    test('a blob whose digest comes last is taken in whole, once, or not at all', async (t) => {
      const { store, reopen } = make(t);
      const write = async (path: string): Promise<{ digest: Digest; sizeBytes: number; more: string }> => {
        await writeFile(path, bytes);
        return { digest: expected.digest, sizeBytes: bytes.length, more: 'passed on' };
      };
      for (const each of [store, store, reopen()]) assert.equal((await each.adopt(write)).more, 'passed on');
      assert.ok((await reopen().read(expected.digest)).equals(bytes));
      let left = '';
      const failing = store.adopt(async (path) => {
        left = path;
        await writeFile(path, 'half');
        throw new Error('no more');
      });
      await assert.rejects(failing, /no more/);
      assert.equal(existsSync(left), false);
    });

    test('an aborted transfer goes on where it ended, also in the next daemon', async (t) => {
      const { store, reopen } = make(t);
      const first = (await store.writer(expected))!;
      await first.write(bytes.subarray(0, 1_234_567));
      await first.abort();
      await first.abort();
      assert.equal(store.stat(expected.digest), undefined);
      const again = reopen();
      const second = (await again.writer(expected))!;
      assert.equal(second.offsetBytes, 1_234_567);
      await second.write(bytes.subarray(1_234_567));
      await second.commit();
      await second.abort();
      assert.ok((await again.read(expected.digest)).equals(bytes));
      assert.equal(await again.writer(expected), undefined);
    });

    test('restart begins from nothing', async (t) => {
      const { store } = make(t);
      const writer = (await store.writer(expected))!;
      await writer.write(Buffer.alloc(2_500_000));
      await writer.restart();
      assert.equal(writer.offsetBytes, 0);
      await writer.write(bytes);
      await writer.commit();
      assert.ok((await store.read(expected.digest)).equals(bytes));
    });

    test('wrong, short and long content is refused and leaves nothing to resume', async (t) => {
      const { store } = make(t);
      const wrong = (await store.writer(expected))!;
      await wrong.write(Buffer.alloc(bytes.length));
      await assert.rejects(wrong.commit(), (error) => isKind(error, 'invalid') && /digest/.test(error.message));
      const short = (await store.writer(expected))!;
      assert.equal(short.offsetBytes, 0);
      await short.write(bytes.subarray(1));
      await assert.rejects(short.commit(), (error) => isKind(error, 'invalid') && /2999999 of/.test(error.message));
      const long = (await store.writer(expected))!;
      await long.write(bytes);
      await assert.rejects(long.write(Buffer.alloc(1)), (error) => isKind(error, 'invalid'));
      await long.abort();
      assert.equal(store.stat(expected.digest), undefined);
    });

    test('of several transfers of one blob one runs, and the others find it done or take over', async (t) => {
      const { store } = make(t);
      const first = (await store.writer(expected))!;
      const second = store.writer(expected);
      const third = store.writer(expected);
      const settled: string[] = [];
      void second.then(() => settled.push('second'));
      const other = (await store.writer({ digest: digestOf('x'), size: 1 }))!;
      await other.abort();
      await first.write(bytes.subarray(0, 5));
      assert.deepEqual(settled, []);
      await first.abort();
      const takeover = (await second)!;
      assert.equal(takeover.offsetBytes, 5);
      await takeover.write(bytes.subarray(5));
      await takeover.commit();
      assert.equal(await third, undefined);
    });

    test('puts of the same bytes at the same time all succeed', async (t) => {
      const { store } = make(t);
      const digests = await Promise.all(Array.from({ length: 8 }, () => store.put(bytes)));
      assert.deepEqual(new Set(digests), new Set([expected.digest]));
      assert.equal(Array.from(store.list()).length, 1);
    });
  });
}
