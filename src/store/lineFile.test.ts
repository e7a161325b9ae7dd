import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { openLineFile } from './index.ts';

function fileOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-lines-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'lines');
}

test('lines are there for the next who opens the file, without a close', (t) => {
  const path = fileOf(t);
  const first = openLineFile(path, 10);
  assert.deepEqual(first.read(), []);
  for (const line of ['one', 'two']) first.append(line);
  const second = openLineFile(path, 10);
  second.append('three');
  assert.deepEqual(openLineFile(path, 10).read(), ['one', 'two', 'three']);
  assert.deepEqual(openLineFile(path, 2).read(), ['two', 'three']);
});

test('the file does not grow beyond twice what is kept', (t) => {
  const path = fileOf(t);
  const lines = openLineFile(path, 10);
  for (let at = 0; at < 1000; at++) {
    lines.append(`line ${at}`);
    assert.ok(readFileSync(path, 'utf8').split('\n').length <= 20);
  }
  assert.deepEqual(
    lines.read(),
    Array.from({ length: 10 }, (_, at) => `line ${at + 990}`),
  );
  assert.deepEqual(readdirSync(join(path, '..')), ['lines']);
});

test('a line that was cut off in the middle is dropped, and the next begins anew', (t) => {
  const path = fileOf(t);
  openLineFile(path, 10).append('whole');
  appendFileSync(path, '{"half');
  const lines = openLineFile(path, 10);
  lines.append('next');
  assert.deepEqual(lines.read(), ['whole', 'next']);
});

test('a file that cannot be made shorter is gone on with, also after a torn line', (t) => {
  const path = fileOf(t);
  appendFileSync(path, 'one\ntwo\nthr');
  symlinkSync('/dev/full', `${path}.next`);
  const lines = openLineFile(path, 10);
  for (const line of ['four', 'five']) lines.append(line);
  assert.deepEqual(lines.read(), ['one', 'two', 'thr', 'four', 'five']);
  assert.deepEqual(readdirSync(join(path, '..')), ['lines']);
});
