import assert from 'node:assert/strict';
import { test } from 'node:test';

import { allowedUlimits } from './defaultUlimits.ts';

const asked = [
  { Name: 'nofile', Soft: 50, Hard: 200 },
  { Name: 'nproc', Soft: -1, Hard: -1 },
  { Name: 'core', Soft: 0, Hard: -1 },
];
const hardLimits = { nofile: 100, nproc: 10, core: Infinity };

test('default ulimits are lowered to what the daemon may give, and that is said', () => {
  const { ulimits, warnings } = allowedUlimits(asked, { hardLimits, capabilities: [] });
  assert.deepEqual(ulimits, [
    { Name: 'nofile', Soft: 50, Hard: 100 },
    { Name: 'nproc', Soft: 10, Hard: 10 },
    { Name: 'core', Soft: 0, Hard: -1 },
  ]);
  assert.deepEqual(warnings, [
    "the default ulimit nofile=50:200 is above this host's hard limit: containers get 50:100",
    "the default ulimit nproc=-1:-1 is above this host's hard limit: containers get 10:10",
  ]);
});

test('a daemon that may raise limits gives what is asked', () => {
  const { ulimits, warnings } = allowedUlimits(asked, { hardLimits, capabilities: ['CAP_SYS_RESOURCE'] });
  assert.deepEqual([ulimits, warnings], [asked, []]);
});
