import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';

import { parsePs } from './topContainer.ts';

const lines = [
  'UID          PID    PPID  C STIME TTY          TIME CMD',
  'root           1       0  0 10:00 ?        00:00:01 /sbin/init',
  'root          42       1  0 10:01 ?        00:00:00 sleep 30  40',
];

describe('the output of ps', () => {
  it('is cut down to the processes asked for; the last column keeps its blanks as one', () => {
    assert.deepEqual(parsePs(lines, new Set(['42'])), {
      Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
      Processes: [['root', '42', '1', '0', '10:01', '?', '00:00:00', 'sleep 30 40']],
    });
  });

  it('finds the pid in any column', () => {
    assert.deepEqual(parsePs(['COMMAND     PID', 'sh            7'], new Set(['7'])).Processes, [['sh', '7']]);
  });

  it('keeps the threads of a process with it', () => {
    const threads = ['PID LWP CMD', '7 - redis', '- 7 -', '- 8 -', '9 - other', '- 9 -'];
    assert.deepEqual(parsePs(threads, new Set(['7'])).Processes, [
      ['7', '-', 'redis'],
      ['-', '7', '-'],
      ['-', '8', '-'],
    ]);
  });

  it('is refused without a column of pids', () => {
    for (const text of [[], ['UID CMD', 'root sh']])
      assert.throws(
        () => parsePs(text, new Set(['1'])),
        (error) => isKind(error, 'internal'),
      );
  });
});
