import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { parseSignal, signalName } from './signals.ts';

describe('parseSignal', () => {
  it('reads names with and without SIG, numbers, and real-time signals', () => {
    const texts = ['SIGKILL', 'kill', '9', 'SIGTERM', 'RTMIN', 'SIGRTMIN+3', 'rtmax-1', 'CLD', '64'];
    assert.deepEqual(texts.map(parseSignal), [9, 9, 9, 15, 34, 37, 63, 17, 64]);
  });

  it('refuses what is no signal, in Docker’s words', () => {
    for (const text of [
      '',
      '0',
      '65',
      '-9',
      '9x',
      'SIG',
      'SIGFOO',
      'RTMIN+31',
      'RTMIN-1',
      'RTMAX+1',
      '1e1',
      'toString',
    ]) {
      assert.throws(
        () => parseSignal(text),
        (error) => isKind(error, 'invalid') && error.message === `invalid signal: ${text}`,
      );
    }
  });
});

describe('signalName', () => {
  it('names what has a name', () => {
    assert.deepEqual([9, 15, 40].map(signalName), ['SIGKILL', 'SIGTERM', '40']);
  });
});
