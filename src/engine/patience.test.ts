import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind } from '../base/index.ts';
import { whileComing, whileTaken } from './patience.ts';

const impatient = (): void => assert.fail('nobody stalls');

async function* three(): AsyncGenerator<number> {
  yield* [1, 2, 3];
}

async function* silent(): AsyncGenerator<number> {
  yield 1;
  await new Promise(() => {});
}

test('chunks that are taken and that come in time pass', async () => {
  assert.deepEqual(await Array.fromAsync(whileTaken(three(), 60_000, impatient)), [1, 2, 3]);
  assert.deepEqual(await Array.fromAsync(whileComing(three(), 60_000)), [1, 2, 3]);
});

test('a reader that asks for nothing more is given up', async () => {
  const stalled = Promise.withResolvers<void>();
  const chunks = whileTaken(three(), 1, stalled.resolve);
  assert.equal((await chunks.next()).value, 1);
  await stalled.promise;
});

test('a writer that sends nothing more is given up', async () => {
  const chunks = whileComing(silent(), 1);
  assert.equal((await chunks.next()).value, 1);
  await assert.rejects(chunks.next(), (error) => isKind(error, 'unavailable'));
});
