import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { frameHeader, type FramedStream, MultiplexDecoder } from './index.ts';

test('a header is the stream, zeros and a big-endian length', () => {
  assert.deepEqual([...frameHeader('stderr', 0x01_02_03_04)], [2, 0, 0, 0, 1, 2, 3, 4]);
  assert.deepEqual([...frameHeader('stdin', 1)], [0, 0, 0, 0, 0, 0, 0, 1]);
});

/** Cuts `bytes` at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const borders = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return borders.slice(1).map((end, index) => bytes.subarray(borders[index], end));
}

/** One text per byte, so that it does not matter in how many pieces they came. */
function flat(list: { stream: FramedStream; data: Uint8Array }[]): string[] {
  return list.flatMap(({ stream, data }) => Array.from(data, (byte) => `${stream} ${byte}`));
}

test('what was framed comes back whole and in order, however it is cut', () => {
  const frame = fc.record({
    stream: fc.constantFrom<FramedStream>('stdin', 'stdout', 'stderr', 'systemError'),
    data: fc.uint8Array({ maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.nat()), (frames, places) => {
      const bytes = Buffer.concat(frames.flatMap(({ stream, data }) => [frameHeader(stream, data.length), data]));
      const decoder = new MultiplexDecoder();
      const pieces = cut(bytes, places).flatMap((chunk) => decoder.push(chunk));
      decoder.finish();
      assert.deepEqual(flat(pieces), flat(frames));
    }),
  );
});

test('an unknown stream and a stream cut in a frame are refused', () => {
  assert.throws(() => new MultiplexDecoder().push(Buffer.from('HTTP/1.1')), {
    kind: 'invalid',
    message: 'Unrecognized input header: 72',
  });
  for (const length of [3, 9]) {
    const decoder = new MultiplexDecoder();
    decoder.push(Buffer.concat([frameHeader('stdout', 5), Buffer.from('abcde')]).subarray(0, length));
    assert.throws(() => decoder.finish(), { kind: 'unavailable' });
  }
});
