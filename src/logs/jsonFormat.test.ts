import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { jsonFormat } from './jsonFormat.ts';
import { isPlainText } from './plainText.ts';

test('plain text is what JSON takes as it is', () => {
  const unit = fc.constantFrom('a', ' ', '~', '\n', '!', '#', '[', ']', '\u007f');
  const any = fc.oneof(fc.string({ unit, maxLength: 30 }), fc.string({ maxLength: 30 }));
  fc.assert(
    fc.property(
      any,
      fc.nat(3),
      fc.option(fc.constantFrom('"', '\\', '\t', '\u001f', '\0', 'é'), { nil: '' }),
      (text, shift, odd) => {
        const bytes = Buffer.from('x'.repeat(shift) + text + odd + text).subarray(shift);
        const isPlain = /^[\n\x20\x21\x23-\x5b\x5d-\x7f]*$/.test(text + odd + text);
        assert.equal(isPlainText(bytes), isPlain);
      },
    ),
    { numRuns: 2000 },
  );
});

test('lines are JSON, whatever text and attributes hold', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\\', '$&', '$$', '\t', 'é', '","', '\u2028') });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), text, (lines, attribute) => {
      const encode = jsonFormat.encoder({ b: attribute, a: '1' });
      const data = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const encoded = encode({ stream: 'stderr', data, isPartial: false, timeNs: 5n }).toString();
      assert.deepEqual(
        encoded
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as unknown),
        lines.map((line) => ({
          log: `${line}\n`,
          stream: 'stderr',
          attrs: { a: '1', b: attribute },
          time: '1970-01-01T00:00:00.000000005Z',
        })),
      );
    }),
    { numRuns: 1000 },
  );
});
