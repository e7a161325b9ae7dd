import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseHostCpu, parseInterfaceCounters } from './hostCounters.ts';

describe('parseHostCpu', () => {
  it('adds the first seven times and counts the CPUs that are online', () => {
    const text =
      'cpu  10 1 20 300 4 5 6 7000 80 9\ncpu0 5 0 10 150 2 3 3 0 0 0\ncpu3 5 1 10 150 2 2 3 0 0 0\nintr 12 3\n';
    assert.deepEqual(parseHostCpu(text), { totalNs: 346 * 10_000_000, onlineCpus: 2 });
  });
});

describe('parseInterfaceCounters', () => {
  it('reads what came in and what went out', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0',
      'eth0:7:    1156      14    1    2    3     4          5         6     7777       8    9   10   11    12      13         14',
      '',
    ].join('\n');
    const counters = parseInterfaceCounters(text);
    assert.deepEqual([...counters.keys()], ['lo', 'eth0:7']);
    assert.deepEqual(counters.get('eth0:7'), {
      rxBytes: 1156,
      rxPackets: 14,
      rxErrors: 1,
      rxDropped: 2,
      txBytes: 7777,
      txPackets: 8,
      txErrors: 9,
      txDropped: 10,
    });
  });
});
