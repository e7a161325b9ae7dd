import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import {
  createOutputHub,
  defaultDetachKeys,
  type HubAttachOptions,
  type HubSession,
  type OpenSpill,
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

const refuse: OpenSpill = () => Promise.reject(new Error('ENOSPC'));

/** Opens files in memory, which `files` counts. */
function openMemory(files: Uint8Array[]): OpenSpill {
  return async () => {
    const file = Buffer.alloc(4096);
    files.push(file);
    return {
      write: async (data, position) => file.set(data, position),
      read: async (position, length) => Buffer.from(file.subarray(position, position + length)),
      close: async () => {},
    };
  };
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

test('without a disk a slow client holds the process back and loses nothing', async () => {
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

test('a client that stands still holds up nobody: what it has not taken goes to its file', async () => {
  const files: Uint8Array[] = [];
  const process = fakeProcess({ clientBufferBytes: 4, openSpill: openMemory(files) });
  const still = process.attach();
  const reader = text(process.attach());
  let expected = '';
  for (let at = 0; at < 100; at++) {
    process.stdout.write(`${at}`);
    expected += `stdout:${at} `;
    await settle();
  }
  assert.equal(process.stdout.readableLength, 0);
  assert.equal(process.logged.length, 100);
  assert.equal(files.length, 1, 'the reader has none');
  process.stdout.end();
  process.stderr.end();
  assert.equal(await reader, expected);
  assert.equal(await text(still), expected);
});

test('at its bound a client that takes nothing is dropped, and whoever serves it is told', async () => {
  const process = fakeProcess({
    clientBufferBytes: 2,
    clientSpillBytes: 20,
    openSpill: openMemory([]),
    stallTimeoutMs: 1,
  });
  const stalled = process.attach({ stdin: true });
  const reader = text(process.attach());
  for (const piece of ['ab', 'cd', 'ef', 'gh', 'ij']) {
    process.stdout.write(piece);
    await settle();
  }
  process.stdout.end();
  process.stderr.end();
  assert.equal(await reader, 'stdout:ab stdout:cd stdout:ef stdout:gh stdout:ij ');
  assert.equal(stalled.stdin?.destroyed, true);
  assert.equal(stalled.dropped.aborted, true);
  await assert.rejects(text(stalled), { kind: 'unavailable' });
});

test('below its bound a client may stand still as long as it likes', async () => {
  const process = fakeProcess({ clientBufferBytes: 2, openSpill: openMemory([]), stallTimeoutMs: 1 });
  const still = process.attach();
  for (const piece of ['ab', 'cd', 'ef']) {
    process.stdout.write(piece);
    await settle();
  }
  process.stdout.end();
  process.stderr.end();
  await process.hub.closed;
  assert.equal(await text(still), 'stdout:ab stdout:cd stdout:ef ');
});

test('a disk that refuses is told of, and the client is waited for', async () => {
  const errors: unknown[] = [];
  const process = fakeProcess({ clientBufferBytes: 4, openSpill: refuse, onError: (error) => errors.push(error) });
  const session = process.attach();
  for (const piece of ['ab', 'cd', 'ef']) {
    process.stdout.write(piece);
    await settle();
  }
  assert.equal(process.stdout.readableLength, 2);
  assert.match(String(errors), /^Error: output cannot be kept on disk for a slow client, which is waited for: ENOSPC$/);
  process.stdout.end();
  process.stderr.end();
  assert.equal(await text(session), 'stdout:ab stdout:cd stdout:ef ');
});

test('the end of the process waits for the log, not for clients, which lose nothing', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const process = fakeProcess({ clientBufferBytes: 2, ended });
  const session = process.attach();
  for (const piece of ['ab', 'cd', 'ef']) {
    process.stdout.write(piece);
    await settle();
  }
  assert.deepEqual(process.logged, ['stdout:ab', 'stdout:cd'], 'the rest waits for the client');
  process.stdout.end();
  process.stderr.end();
  end();
  await process.hub.closed;
  assert.deepEqual(process.logged, ['stdout:ab', 'stdout:cd', 'stdout:ef', 'closed']);
  assert.equal(await text(session), 'stdout:ab stdout:cd stdout:ef ');
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
