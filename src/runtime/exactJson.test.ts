import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseSpecProcess, processText } from './exactJson.ts';
import type { OciProcess } from './ociSpec.ts';

const unlimited = 2n ** 64n - 1n;

const process: OciProcess = {
  terminal: false,
  user: { uid: 0, gid: 0, additionalGids: [] },
  args: ['true'],
  env: [],
  cwd: '/',
  capabilities: { bounding: [] },
  noNewPrivileges: false,
  rlimits: [
    { type: 'RLIMIT_CORE', soft: 0, hard: unlimited },
    { type: 'RLIMIT_NOFILE', soft: 2 ** 53 + 2, hard: 2 ** 63 },
  ],
};

test('no limit is written as the largest integer of 64 bits, and read back as that', () => {
  const text = processText(process);
  assert.match(text, /"soft":0,"hard":18446744073709551615\}/);
  assert.deepEqual(parseSpecProcess(`{"process":${text}}`), process);
});

test('a process without limits stays without', () => {
  const { rlimits: _, ...plain } = process;
  assert.deepEqual(parseSpecProcess(`{"process":${processText(plain)}}`), plain);
});
