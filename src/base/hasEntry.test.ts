import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasEntry } from './index.ts';

test('a filter names a key, or a key and its value', () => {
  const labels = { tier: 'web', empty: '', 'a=b': 'c', query: 'x=y' };
  for (const text of ['tier', 'tier=web', 'empty', 'empty=', 'query=x=y'])
    assert.equal(hasEntry(labels, text), true, text);
  for (const text of ['tie', 'tier=', 'tier=we', 'Tier', '', 'a=b', 'toString', '__proto__'])
    assert.equal(hasEntry(labels, text), false, text);
});
