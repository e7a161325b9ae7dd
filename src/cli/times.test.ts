import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseGoTime } from './goTime.ts';
import { timestampQuery } from './times.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const offsetMinutes = -new Date(nowMs).getTimezoneOffset();

function local(seconds: number): number {
  return seconds - offsetMinutes * 60;
}

test('the forms of --since and --until', () => {
  const cases: [string, string][] = [
    ['2013-01-02', `${local(1_357_084_800)}.000000000`],
    ['2013-01-02T13', `${local(1_357_131_600)}.000000000`],
    ['2013-01-02T13:23', `${local(1_357_132_980)}.000000000`],
    ['2013-01-02T13:23:37', `${local(1_357_133_017)}.000000000`],
    ['2013-01-02T13:23:37.5', `${local(1_357_133_017)}.500000000`],
    ['2013-01-02T13:23:37+01:00', '1357129417.000000000'],
    ['2013-01-02T13:23:37.25-05:00', '1357151017.250000000'],
    ['2013-01-02Z', '1357084800.000000000'],
    ['2013-01-02T13Z', '1357131600.000000000'],
    ['2013-01-02+02:00', '1357077600.000000000'],
    ['2013-01-02-02:00', '1357092000.000000000'],
    ['2013-01-02T13-02:00', '1357138800.000000000'],
    ['2013-01-02T13:23+02:00', '1357125780.000000000'],
    ['2013-01-02T13:23:37.1234567891234Z', '1357133017.123456789'],
    ['1136073845', '1136073845'],
    ['1136073845.000000001', '1136073845.000000001'],
    ['0', '0'],
    ['1.5h', String(Math.floor(nowMs / 1000 - 5400))],
    ['1h30m', String(Math.floor(nowMs / 1000 - 5400))],
    ['-1h', String(Math.floor(nowMs / 1000 + 3600))],
    ['1s', String(Math.floor(nowMs / 1000) - 1)],
  ];
  for (const [text, expected] of cases) assert.equal(timestampQuery(text, nowMs), expected, text);
});

test('what is no time says why', () => {
  const cases: [string, string][] = [
    ['-5', 'parsing time "-5" as "2006-01-02": cannot parse "-5" as "2006"'],
    ['2013-13-01', 'parsing time "2013-13-01": month out of range'],
    ['2013-02-30', 'parsing time "2013-02-30": day out of range'],
    ['2013-01-00', 'parsing time "2013-01-00": day out of range'],
    ['2013-01-02T25:00', 'parsing time "2013-01-02T25:00": hour out of range'],
    ['2013-1-2', 'parsing time "2013-1-2" as "2006-01-02": cannot parse "1-2" as "01"'],
    ['2013-01-02 13:23', 'parsing time "2013-01-02 13:23": extra text: " 13:23"'],
    ...['5d', '1.1.1', 'T', '.', '1e5'].map((text): [string, string] => [
      text,
      `failed to parse value as time or duration: "${text}"`,
    ]),
  ];
  for (const [text, message] of cases) assert.throws(() => timestampQuery(text, nowMs), { message }, text);
});

test('years of less than four digits, and leap days', () => {
  assert.equal(parseGoTime('2006-01-02', '0001-01-01', 0), -62_135_596_800_000_000_000n);
  assert.equal(parseGoTime('2006-01-02', '2024-02-29', 0), 1_709_164_800_000_000_000n);
  assert.throws(() => parseGoTime('2006-01-02', '2023-02-29', 0), /day out of range/);
});
