import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  createdState,
  parseRestartPolicy,
  restartDelayMs,
  shouldRestart,
  shouldStartWithDaemon,
  statusText,
} from './index.ts';

test('restart policies are read as Docker reads them', () => {
  assert.deepEqual(parseRestartPolicy(undefined), { name: 'no', maximumRetryCount: 0 });
  assert.deepEqual(parseRestartPolicy({ Name: '' }), { name: 'no', maximumRetryCount: 0 });
  assert.deepEqual(parseRestartPolicy({ Name: 'on-failure', MaximumRetryCount: 3 }), {
    name: 'on-failure',
    maximumRetryCount: 3,
  });
  const refused: [string, number, RegExp][] = [
    ['always', 1, /^invalid restart policy: maximum retry count can only be used with 'on-failure'$/],
    ['no', -1, /can only be used with 'on-failure' and cannot be negative$/],
    ['on-failure', -1, /^invalid restart policy: maximum retry count cannot be negative$/],
    ['sometimes', 0, /^invalid restart policy: unknown policy 'sometimes'; use one of /],
  ];
  for (const [Name, MaximumRetryCount, message] of refused) {
    assert.throws(() => parseRestartPolicy({ Name, MaximumRetryCount }), { kind: 'invalid', message });
  }
});

const onFailure = (MaximumRetryCount: number) => parseRestartPolicy({ Name: 'on-failure', MaximumRetryCount });

test('a container is restarted as its policy says', () => {
  const run = { exitCode: 1, manuallyStopped: false, restartCount: 2 };
  const always = parseRestartPolicy({ Name: 'always' });
  const unlessStopped = parseRestartPolicy({ Name: 'unless-stopped' });
  assert.equal(shouldRestart(always, { ...run, exitCode: 0 }), true);
  assert.equal(shouldRestart(always, { ...run, manuallyStopped: true }), false);
  assert.equal(shouldRestart(parseRestartPolicy({ Name: 'no' }), run), false);
  assert.equal(shouldRestart(onFailure(0), run), true);
  assert.equal(shouldRestart(onFailure(3), run), true);
  assert.equal(shouldRestart(onFailure(2), run), false);
  assert.equal(shouldRestart(onFailure(0), { ...run, exitCode: 0 }), false);
  assert.equal(shouldStartWithDaemon(always, { ...run, manuallyStopped: true }), true);
  assert.equal(shouldStartWithDaemon(unlessStopped, { ...run, manuallyStopped: true }), false);
});

test('the delay doubles up to a minute and starts over after a steady run', () => {
  let delay = 0;
  const delays = Array.from({ length: 12 }, () => (delay = restartDelayMs(delay, 50)));
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  assert.equal(restartDelayMs(60_000, 10_001), 100);
});

test('STATUS has the words of docker ps', () => {
  const nowMs = Date.parse('2026-01-01T12:00:00Z');
  const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  const running = { ...createdState, status: 'running', startedAt: ago(300) } as const;
  assert.equal(statusText(createdState, nowMs), 'Created');
  assert.equal(statusText(running, nowMs), 'Up 5 minutes');
  assert.equal(statusText(running, nowMs, 'starting'), 'Up 5 minutes (health: starting)');
  assert.equal(statusText(running, nowMs, 'unhealthy'), 'Up 5 minutes (unhealthy)');
  assert.equal(statusText({ ...running, status: 'paused' }, nowMs), 'Up 5 minutes (Paused)');
  const ended = { ...running, exitCode: 137, finishedAt: ago(3) };
  assert.equal(statusText({ ...ended, status: 'exited' }, nowMs), 'Exited (137) 3 seconds ago');
  assert.equal(statusText({ ...ended, status: 'restarting' }, nowMs), 'Restarting (137) 3 seconds ago');
  assert.equal(statusText({ ...ended, status: 'removing' }, nowMs), 'Removal In Progress');
  assert.equal(statusText({ ...ended, status: 'dead' }, nowMs), 'Dead');
});
