import assert from 'node:assert/strict';
import { test } from 'node:test';

import { workerUrl } from './worker.ts';

test('a worker entry is a sibling in source and in the bundle', () => {
  assert.equal(workerUrl('file:///a/src/store/pool.ts', 'unpackWorker').href, 'file:///a/src/store/unpackWorker.ts');
  assert.equal(workerUrl('file:///a/dist/gantryd.mjs', 'unpackWorker').href, 'file:///a/dist/unpackWorker.mjs');
});
