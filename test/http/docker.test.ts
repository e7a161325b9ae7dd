/** The stock docker CLI against a server with fake backends, on machines that have the CLI. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { GantryError } from '../../src/base/index.ts';
import type { ContainerWait } from '../../src/api/index.ts';
import { FakeSession } from './fakes.ts';
import { type Harness, startServer } from './harness.ts';

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function docker({ socketPath }: Harness, args: readonly string[], input = ''): Promise<Outcome> {
  const child = spawn('docker', args, {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', DOCKER_HOST: `unix://${socketPath}` },
  });
  const streams: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      streams[name] += text;
    });
  }
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, ...streams }));
  });
}

function finishedSession(): FakeSession {
  const session = new FakeSession({ stdin: false });
  session.print('stdout', 'out\n');
  session.print('stderr', 'err\n');
  session.finish();
  return session;
}

async function missing(name: string): Promise<never> {
  throw new GantryError('notFound', `No such object: ${name}`);
}

if (spawnSync('docker', ['--version']).error === undefined) {
  test('docker run -i passes input, both outputs and the exit code', async (t) => {
    const session = new FakeSession();
    const exit = Promise.withResolvers<ContainerWait>();
    const harness = await startServer(t, {
      containers: {
        attach: async () => session,
        wait: async () => ({ exit: exit.promise }),
        start: async () => {
          void session.inputEnded.promise.then(() => {
            session.print('stdout', `got ${Buffer.concat(session.received).toString()}`);
            session.print('stderr', 'complaint\n');
            session.finish();
            exit.resolve({ StatusCode: 5 });
          });
        },
      },
    });
    const outcome = await docker(harness, ['run', '-i', 'busybox', 'cat'], 'hello\n');
    assert.deepEqual(outcome, { code: 5, stdout: 'got hello\n', stderr: 'complaint\n' });
  });

  test('docker run without -i streams on although its half is closed', async (t) => {
    const session = new FakeSession({ stdin: false });
    const exit = Promise.withResolvers<ContainerWait>();
    const harness = await startServer(t, {
      containers: {
        attach: async () => session,
        wait: async () => ({ exit: exit.promise }),
        start: async () => {
          setImmediate(() => {
            session.print('stdout', 'later\n');
            session.finish();
            exit.resolve({ StatusCode: 0 });
          });
        },
      },
    });
    assert.deepEqual(await docker(harness, ['run', '--rm', 'busybox']), { code: 0, stdout: 'later\n', stderr: '' });
  });

  test('docker exec, logs, pull, events and ps read our streams', async (t) => {
    const harness = await startServer(t, {
      containers: { logs: async () => finishedSession() },
      execs: { start: async () => finishedSession() },
    });
    const both = { code: 0, stdout: 'out\n', stderr: 'err\n' };
    assert.deepEqual(await docker(harness, ['exec', 'web', 'true']), both);
    assert.deepEqual(await docker(harness, ['logs', 'web']), both);
    assert.match((await docker(harness, ['pull', 'busybox'])).stdout, /Downloaded newer image for busybox:latest/);
    const events = await docker(harness, ['events', '--until', '1s', '--format', '{{.TimeNano}} {{.Action}}']);
    assert.equal(events.stdout, '1767323045145321000 start\n');
    assert.match((await docker(harness, ['ps', '-a'])).stdout, /busybox .* Up 5 minutes .* brave_noether/);
    assert.match((await docker(harness, ['version'])).stdout, /API version: +1\.50 \(minimum version 1\.24\)/);
  });

  test('docker inspect goes on when a kind of object is not supported', async (t) => {
    const harness = await startServer(t, { containers: { inspect: missing }, images: { inspect: missing } });
    const outcome = await docker(harness, ['inspect', 'nosuch']);
    assert.deepEqual([outcome.code, outcome.stdout], [1, '[]\n']);
    assert.match(outcome.stderr, /Error: No such object: nosuch/i);
  });
}
