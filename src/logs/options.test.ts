import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  createContainerLog,
  logAttributes,
  parseLogConfig,
  renderAttributes,
  renderLog,
  type LogEntry,
} from './index.ts';

test('the default is json-file, rotated at 10 MB, three files', () => {
  const settings = {
    driver: 'json-file',
    maxSizeBytes: 10_000_000,
    maxFiles: 3,
    compress: false,
    labels: [],
    environment: [],
  };
  assert.deepEqual(parseLogConfig(undefined), settings);
  assert.deepEqual(parseLogConfig({ Type: '', Config: {} }), settings);
  assert.deepEqual(
    parseLogConfig({
      Type: 'json-file',
      Config: { 'max-size': '-1', 'max-file': '5', mode: 'blocking', labels: 'a,b' },
    }),
    { ...settings, maxSizeBytes: undefined, maxFiles: 5, labels: ['a', 'b'] },
  );
});

test('what is wrong or not there yet is refused', () => {
  const cases: [Record<string, string>, string, string][] = [
    [{ colour: 'x' }, 'invalid', "unknown log opt 'colour' for json-file log driver"],
    [{ 'max-size': '0' }, 'invalid', 'max-size must be a positive number'],
    [{ 'max-size': 'big' }, 'invalid', "invalid size: 'big'"],
    [{ 'max-file': '0' }, 'invalid', 'max-file cannot be less than 1'],
    [
      { 'max-file': '1', compress: 'true' },
      'invalid',
      'compress cannot be true when max-file is less than 2 or max-size is not set',
    ],
    [{ mode: 'maybe' }, 'invalid', 'logger: logging mode not supported: maybe'],
    [{ mode: 'non-blocking' }, 'notImplemented', "log opt 'mode=non-blocking' is not implemented"],
    [{ tag: '{{.ID}}' }, 'notImplemented', "log opt 'tag' is not implemented for json-file log driver"],
  ];
  for (const [Config, kind, message] of cases) assert.throws(() => parseLogConfig({ Config }), { kind, message });
  assert.throws(() => parseLogConfig({ Type: 'syslog' }), {
    kind: 'invalid',
    message: "logger: no log driver named 'syslog' is registered",
  });
});

test('the driver none keeps nothing and says so', async () => {
  const log = createContainerLog(parseLogConfig({ Type: 'none' }), {
    path: '/nowhere',
    subject: { labels: {}, environment: [] },
  });
  const writer = await log.open();
  await writer.write('stdout', Buffer.from('x\n'));
  await writer.close();
  assert.equal(log.path, '');
  const options = { follow: false, sinceNs: undefined, untilNs: undefined, tail: undefined };
  assert.throws(() => log.read(options, new AbortController().signal), {
    kind: 'notImplemented',
    message: 'configured logging driver does not support reading',
  });
});

test('attributes come from labels and environment', () => {
  const settings = parseLogConfig({ Config: { labels: 'tier,constructor', env: 'A,B' } });
  const attributes = logAttributes(settings, { labels: { tier: 'front' }, environment: ['A=1', 'BB=2', 'A=3=4'] });
  assert.deepEqual(attributes, { tier: 'front', A: '3=4' });
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
