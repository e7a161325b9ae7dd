import assert from 'node:assert/strict';
import { it } from 'node:test';

import { supportWarnings } from './supportWarnings.ts';
import { openBench } from './testBench.ts';

it('warns of the limits that this host cannot keep, and of none that its kernel never has', () => {
  const bench = openBench();
  const { support } = bench.parts.host;
  bench.remove();
  const all = { ...support, swap: true, oomKillDisable: false, readBps: true };
  const none = { ...all, swap: false, readBps: false, blockIoWeight: false };
  assert.deepEqual(supportWarnings({ support: none, cgroupVersion: 1 }, false).slice(0, 2), [
    'WARNING: No swap limit support',
    'WARNING: No oom kill disable support',
  ]);
  assert.deepEqual(supportWarnings({ support: none, cgroupVersion: 2 }, false), [
    'WARNING: No swap limit support',
    'WARNING: No blkio weight support',
    'WARNING: No io.max (rbps) support',
    'WARNING: IPv4 forwarding is disabled',
  ]);
});
