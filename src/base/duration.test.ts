import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { formatGoDuration, GantryError, humanDuration, parseGoDuration } from './index.ts';

test('humanDuration uses the words and borders of docker listings', () => {
  const hour = 3600;
  const day = 24 * hour;
  const cases: [number, string][] = [
    [-5, 'Less than a second'],
    [0.9, 'Less than a second'],
    [1, '1 second'],
    [1.9, '1 second'],
    [45, '45 seconds'],
    [60, 'About a minute'],
    [119, 'About a minute'],
    [120, '2 minutes'],
    [59 * 60 + 59, '59 minutes'],
    [hour, 'About an hour'],
    [hour + 1799, 'About an hour'],
    [hour + 1800, '2 hours'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [13 * day, '13 days'],
    [14 * day, '2 weeks'],
    [59 * day, '8 weeks'],
    [60 * day, '2 months'],
    [729 * day, '24 months'],
    [730 * day, '2 years'],
  ];
  for (const [seconds, words] of cases) assert.equal(humanDuration(seconds), words, String(seconds));
});

test('parseGoDuration reads what Go writes', () => {
  const cases: [string, bigint][] = [
    ['0', 0n],
    ['1h30m', 5_400_000_000_000n],
    ['-1.5s', -1_500_000_000n],
    ['+250ms', 250_000_000n],
    ['.5m', 30_000_000_000n],
    ['1us2µs3μs', 6_000n],
    ['2.s', 2_000_000_000n],
    ['9223372036854775807ns', 2n ** 63n - 1n],
  ];
  for (const [text, ns] of cases) assert.equal(parseGoDuration(text), ns, text);
});

test('parseGoDuration refuses with Go texts', () => {
  const cases: [string, string][] = [
    ['', 'time: invalid duration ""'],
    ['-', 'time: invalid duration "-"'],
    ['.s', 'time: invalid duration ".s"'],
    ['5', 'time: missing unit in duration "5"'],
    ['5d', 'time: unknown unit "d" in duration "5d"'],
    ['5constructor', 'time: unknown unit "constructor" in duration "5constructor"'],
    ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
  ];
  for (const [text, message] of cases) assert.throws(() => parseGoDuration(text), { kind: 'invalid', message });
});

test('parseGoDuration ends for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0 1 9 . h m s n u µ - + x'.split(' '), ' ') }), (text) => {
      try {
        assert.equal(typeof parseGoDuration(text), 'bigint');
      } catch (error) {
        assert.ok(error instanceof GantryError);
      }
    }),
  );
});

test('formatGoDuration writes as Go does, and parseGoDuration reads it back', () => {
  const cases: [bigint, string][] = [
    [0n, '0s'],
    [1n, '1ns'],
    [1_500n, '1.5µs'],
    [250_000_000n, '250ms'],
    [1_000_000_000n, '1s'],
    [90_500_000_000n, '1m30.5s'],
    [3_600_000_000_000n, '1h0m0s'],
  ];
  for (const [ns, text] of cases) assert.equal(formatGoDuration(ns), text);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 62n }), (ns) =>
      assert.equal(parseGoDuration(formatGoDuration(ns)), ns),
    ),
  );
});
