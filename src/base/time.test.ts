import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { formatFixedNano, formatTime, parseRfc3339, parseTimestamp } from './index.ts';

test('parseTimestamp reads seconds with a fraction, and RFC 3339', () => {
  assert.equal(parseTimestamp('1700000000'), 1_700_000_000_000_000_000n);
  assert.equal(parseTimestamp('1700000000.123456789'), 1_700_000_000_123_456_789n);
  assert.equal(parseTimestamp('1700000000.5'), 1_700_000_000_500_000_000n);
  assert.equal(parseTimestamp('-1.5'), -1_500_000_000n);
  assert.equal(parseTimestamp('2023-11-14T22:13:20.000000001Z'), 1_700_000_000_000_000_001n);
  assert.equal(parseTimestamp('2023-11-14T23:13:20+01:00'), 1_700_000_000_000_000_000n);
  for (const text of ['', 'soon', '1e9', '2023-13-40T00:00:00Z', '1.2.3']) {
    assert.throws(() => parseTimestamp(text), { kind: 'invalid' }, text);
  }
});

test('times come back from both of their texts', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }), (timeNs) => {
      assert.equal(parseRfc3339(formatFixedNano(timeNs)), timeNs);
      assert.equal(parseRfc3339(formatTime(timeNs)), timeNs);
    }),
  );
});
