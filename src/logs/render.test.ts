import assert from 'node:assert/strict';
import { test } from 'node:test';

import { renderAttributes, renderLog, type LogEntry } from './index.ts';

test('attributes are told as in a query string', () => {
  assert.equal(renderAttributes({ b: 'x y', a: "é,='*" }), 'a=%C3%A9%2C%3D%27%2A,b=x+y');
});

function entry(stream: 'stdout' | 'stderr', text: string, timeNs: bigint): LogEntry {
  return { stream, data: Buffer.from(text), timeNs, partial: !text.endsWith('\n'), attributes: { k: 'v' } };
}

async function* batches(): AsyncGenerator<LogEntry[]> {
  yield [entry('stdout', 'a\n', 1n), entry('stdout', 'b\n', 1_500_000_000n), entry('stderr', 'c', 2n)];
}

async function render(changes: object): Promise<string[]> {
  const options = { stdout: true, stderr: true, timestamps: false, details: false, ...changes };
  const chunks = await Array.fromAsync(renderLog(batches(), options));
  return chunks.map(({ stream, data }) => `${stream}:${Buffer.from(data).toString()}`);
}

test('a client gets the streams and the columns that it asked for', async () => {
  assert.deepEqual(await render({}), ['stdout:a\nb\n', 'stderr:c']);
  assert.deepEqual(await render({ stdout: false, timestamps: true, details: true }), [
    'stderr:1970-01-01T00:00:00.000000002Z k=v c',
  ]);
  assert.deepEqual(await render({ stderr: false, timestamps: true }), [
    'stdout:1970-01-01T00:00:00.000000001Z a\n1970-01-01T00:00:01.500000000Z b\n',
  ]);
});
