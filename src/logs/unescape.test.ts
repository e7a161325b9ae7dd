import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { unescapeInPlace } from './unescape.ts';

test('what JSON escaped comes back', () => {
  const unit = fc.constantFrom(
    'a',
    '"',
    '\\',
    '\n',
    '\t',
    '\r',
    '\b',
    '\f',
    '\u0001',
    '\u007f',
    'é',
    '漢',
    '😀',
    '/',
    'n',
    'u',
  );
  fc.assert(
    fc.property(fc.string({ unit }), fc.boolean(), (text, asCodes) => {
      const json = asCodes
        ? Array.from(
            { length: text.length },
            (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
          ).join('')
        : JSON.stringify(text).slice(1, -1);
      const bytes = Buffer.from(`>${json}<`);
      const end = unescapeInPlace(bytes, 1, bytes.length - 1);
      assert.equal(bytes.toString('utf8', 1, end), text);
      assert.equal(bytes.at(-1), 0x3c);
    }),
  );
});

test('damaged escapes stay within their bounds', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', 'u', 'd', '8', '0', 'x', '"') }), (text) => {
      const bytes = Buffer.from(`>${text}<<<<<<<<<<`);
      assert.ok(unescapeInPlace(bytes, 1, text.length + 1) <= text.length + 1);
    }),
    { numRuns: 5000, examples: [['\\u'], ['\\ud800\\u']] },
  );
});
