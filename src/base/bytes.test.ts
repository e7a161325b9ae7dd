import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatShortest, humanBinarySize, humanSize, parseBytes, parseDecimalBytes } from './index.ts';

test('humanSize prints decimal units with four digits, or as many as asked', () => {
  assert.equal(humanSize(0), '0B');
  assert.equal(humanSize(999), '999B');
  assert.equal(humanSize(1000), '1kB');
  assert.equal(humanSize(7_797_760), '7.798MB');
  assert.equal(humanSize(7_797_760, 3), '7.8MB');
  assert.equal(humanSize(2_306_902, 3), '2.31MB');
  assert.equal(humanSize(123_456_789_012, 3), '123GB');
  assert.equal(humanSize(999_950, 3), '1e+03kB');
  assert.equal(humanBinarySize(1_610_612_736), '1.5GiB');
});

test('formatShortest is %g', () => {
  assert.equal(formatShortest(0.000_012_34, 3), '1.23e-05');
  assert.equal(formatShortest(0.001_234, 3), '0.00123');
  assert.equal(formatShortest(1e21, 3), '1e+21');
  assert.equal(formatShortest(100, 3), '100');
});

test('parseBytes takes every suffix that memory options have', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['64', 64],
    ['32b', 32],
    ['512m', 536_870_912],
    ['512M', 536_870_912],
    ['1.5GiB', 1_610_612_736],
    ['2 kb', 2048],
    ['1T', 2 ** 40],
    ['0.1k', 102],
    ['.5k', 512],
  ];
  for (const [text, size] of cases) assert.equal(parseBytes(text), size, text);
  assert.equal(parseDecimalBytes('10kB'), 10_000);
});

test('parseBytes refuses what is no size', () => {
  for (const text of ['', 'm', '-1', '1.2.3', ' 5', 'hello']) {
    assert.throws(() => parseBytes(text), { kind: 'invalid', message: `invalid size: '${text}'` }, text);
  }
  for (const suffix of ['x', 'bb', 'mi', 'kibi', 'kbb']) {
    assert.throws(() => parseBytes(`5${suffix}`), { kind: 'invalid', message: `invalid suffix: '${suffix}'` }, suffix);
  }
});
