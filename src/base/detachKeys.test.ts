import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { DetachFilter, parseDetachKeys } from './index.ts';

test('key sequences are read as Docker reads them', () => {
  assert.deepEqual([...parseDetachKeys(undefined)], [16, 17]);
  assert.deepEqual([...parseDetachKeys('')], [16, 17]);
  assert.deepEqual([...parseDetachKeys('ctrl-a,x,ctrl-],ctrl-@,ctrl-_')], [1, 120, 29, 0, 31]);
  for (const text of ['ctrl-', 'ab', 'a,', 'ctrl-1', 'ctrl-p,é']) {
    assert.throws(() => parseDetachKeys(text), { kind: 'invalid', message: `Invalid detach keys (${text}) provided` });
  }
});

test('the filter finds the first occurrence and passes on exactly what stood before it, however the input is cut', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(text, fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })), (keys, chunks) => {
      const filter = new DetachFilter(Buffer.from(keys));
      let passed = '';
      let detached = false;
      for (const chunk of chunks) {
        const result = filter.push(Buffer.from(chunk));
        passed += Buffer.from(result.data).toString();
        detached = result.detached;
        if (detached) break;
      }
      const input = chunks.join('');
      const at = input.indexOf(keys);
      assert.equal(detached, at >= 0);
      if (detached) assert.equal(passed, input.slice(0, at));
      else assert.ok(input.startsWith(passed) && keys.startsWith(input.slice(passed.length)));
    }),
  );
});
