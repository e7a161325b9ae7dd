import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RecordingMounter } from './fake.ts';

const request = { type: 'tmpfs', source: 'tmpfs', flags: [], options: [] } as const;

test('the recording mounter keeps calls and state, and fails when it is told to', async () => {
  const mounter = new RecordingMounter();
  mounter.mount(request, '/a');
  mounter.mount(request, '/a/b');
  assert.deepEqual(mounter.mountsUnder('/a'), ['/a/b', '/a']);
  mounter.failNext('unmount', 'EBUSY');
  await assert.rejects(mounter.unmount('/a/b'), { code: 'EBUSY' });
  await mounter.unmount('/a/b', { lazy: true });
  assert.equal(mounter.isMounted('/a/b'), false);
  assert.deepEqual(
    mounter.calls.map(({ call }) => call),
    ['mount', 'mount', 'unmount', 'unmount'],
  );
});
