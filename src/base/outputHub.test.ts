import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { mock, test } from 'node:test';

import {
  createOutputHub,
  defaultDetachKeys,
  type HubAttachOptions,
  type HubSession,
  type OutputHubOptions,
} from './index.ts';

function fakeProcess(changes: Partial<OutputHubOptions> = {}) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = new PassThrough();
  const logged: string[] = [];
  const log = {
    write: async (stream: string, data: Uint8Array) => void logged.push(`${stream}:${Buffer.from(data).toString()}`),
    close: async () => void logged.push('closed'),
  };
  const hub = createOutputHub({ stdout, stderr, stdin, tty: false, log, stdinOnce: false, ...changes });
  const attach = (wants: Partial<HubAttachOptions> = {}): HubSession =>
    hub.attach({ stdin: false, stdout: true, stderr: true, ...wants });
  return { stdout, stderr, stdin, logged, hub, attach };
}

async function text(session: HubSession): Promise<string> {
  let all = '';
  for await (const { stream, data } of session.output) all += `${stream}:${Buffer.from(data).toString()} `;
  return all;
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('every client gets what it asked for, in order, and the log gets all of it first', async () => {
  const process = fakeProcess();
  const both = text(process.attach());
  const errors = text(process.attach({ stdout: false }));
  process.stdout.write('a');
  await settle();
  const late = text(process.attach());
  process.stderr.write('b');
  await settle();
  process.stdout.end('c');
  process.stderr.end();
  await process.hub.closed;
  assert.equal(await both, 'stdout:a stderr:b stdout:c ');
  assert.equal(await errors, 'stderr:b ');
  assert.equal(await late, 'stderr:b stdout:c ');
  assert.deepEqual(process.logged, ['stdout:a', 'stderr:b', 'stdout:c', 'closed']);
  assert.equal(await text(process.attach()), '', 'an attach after the end ends at once');
});

test('the process waits for the log, and a log that fails does not stop the output', async () => {
  const { promise: slow, resolve: release } = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const log = {
    write: async () => {
      await slow;
      throw new Error('disk full');
    },
    close: async () => {},
  };
  const process = fakeProcess({ log, onError: (error) => errors.push(error) });
  const output = text(process.attach());
  process.stdout.write('a');
  await settle();
  process.stdout.write('b');
  await settle();
  assert.equal(process.stdout.readableLength, 1, 'b is not read while the log writes a');
  release();
  process.stdout.end();
  process.stderr.end();
  await process.hub.closed;
  assert.equal(await output, 'stdout:a stdout:b ');
  assert.equal(errors.length, 2);
});

test('a slow client holds the process back and loses nothing', async () => {
  const process = fakeProcess({ clientBufferBytes: 4 });
  const session = process.attach();
  for (const piece of ['ab', 'cd', 'ef', 'gh']) {
    process.stdout.write(piece);
    await settle();
  }
  assert.equal(process.stdout.readableLength, 4, 'ef and gh wait in the pipe');
  process.stdout.end();
  process.stderr.end();
  assert.equal((await text(session)).replaceAll(/stdout:| /g, ''), 'abcdefgh');
});

test('a stalled client is dropped and the others go on', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const process = fakeProcess({ clientBufferBytes: 2, stallTimeoutMs: 1000 });
    const stalled = process.attach({ stdin: true });
    const reader = text(process.attach());
    process.stdout.write('abc');
    await settle();
    process.stdout.write('d');
    mock.timers.tick(999);
    await settle();
    assert.equal(process.hub.clientCount, 2);
    mock.timers.tick(1);
    await settle();
    assert.equal(process.hub.clientCount, 1);
    assert.equal(stalled.stdin?.destroyed, true);
    process.stdout.end();
    process.stderr.end();
    assert.equal(await reader, 'stdout:abc stdout:d ');
    await assert.rejects(text(stalled), { kind: 'unavailable' });
  } finally {
    mock.timers.reset();
  }
});

test('the end of the process waits for the log, not for clients, which lose nothing', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const process = fakeProcess({ clientBufferBytes: 2, ended });
  const session = process.attach();
  for (const piece of ['abc', 'def']) {
    process.stdout.write(piece);
    await settle();
  }
  assert.deepEqual(process.logged, ['stdout:abc'], 'the rest waits for the client');
  process.stdout.end();
  process.stderr.end();
  end();
  await process.hub.closed;
  assert.deepEqual(process.logged, ['stdout:abc', 'stdout:def', 'closed']);
  assert.equal(await text(session), 'stdout:abc stdout:def ');
});

test('stdin comes from every client; once means that the first to end or go closes it', async () => {
  const shared = fakeProcess();
  const first = shared.attach({ stdin: true });
  const second = shared.attach({ stdin: true });
  first.stdin?.end('one ');
  second.stdin?.write('two');
  await settle();
  assert.equal(shared.stdin.read()?.toString(), 'one two');
  assert.equal(shared.stdin.writableEnded, false);

  const ending = fakeProcess({ stdinOnce: true });
  ending.attach({ stdin: true }).stdin?.end('bye');
  await settle();
  assert.equal(ending.stdin.writableEnded, true);
  assert.equal(ending.stdin.read()?.toString(), 'bye');
  assert.equal(ending.attach({ stdin: true }).stdin, undefined);

  const going = fakeProcess({ stdinOnce: true });
  going.attach({ stdin: true }).close();
  await settle();
  assert.equal(going.stdin.writableEnded, true);

  const terminal = fakeProcess({ stdinOnce: true, tty: true });
  terminal.attach({ stdin: true }).stdin?.end();
  await settle();
  assert.equal(terminal.stdin.writableEnded, false);
});

test('input for a process that has closed its stdin is discarded', async () => {
  const process = fakeProcess();
  const session = process.attach({ stdin: true });
  process.stdin.destroy(new Error('EPIPE'));
  await settle();
  await new Promise((resolve) => session.stdin?.write('x', resolve));
  assert.equal(session.stdin?.destroyed, false);
});

test('the detach sequence ends a terminal session, and only that', async () => {
  const process = fakeProcess({ tty: true, stderr: undefined });
  let detaches = 0;
  const session = process.attach({ stdin: true, detachKeys: defaultDetachKeys, onDetach: () => detaches++ });
  const output = text(session);
  session.stdin?.write('ls\r\x10');
  session.stdin?.write('\x11rest');
  await settle();
  assert.equal(await output, '');
  assert.deepEqual([session.detached, detaches, process.hub.clientCount], [true, 1, 0]);
  assert.equal(process.stdin.read()?.toString(), 'ls\r');
  assert.equal(process.stdin.writableEnded, false);

  const plain = fakeProcess();
  const piped = plain.attach({ stdin: true, detachKeys: defaultDetachKeys });
  piped.stdin?.write('\x10\x11');
  await settle();
  assert.deepEqual([piped.detached, plain.stdin.read()?.toString()], [false, '\x10\x11']);
});
