import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GantryError } from '../../src/base/index.ts';
import { startServer } from './harness.ts';

const path = '/v1.50/containers/web/export';

/** A reader of `chunks` that tells when it is closed. */
function content(chunks: AsyncIterable<Uint8Array>): { content: ExportedFiles; closed: Promise<void> } {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  return { content: { chunks, close: resolve }, closed };
}

interface ExportedFiles {
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): void;
}

async function* pieces(): AsyncGenerator<Buffer> {
  yield Buffer.from('an ');
  yield Buffer.from('archive');
}

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(100_000);
  throw new GantryError('conflict', 'container web was removed while it was exported');
}

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.alloc(64 * 1024);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('an export is sent as it comes, and refused with a status before its first byte', async (t) => {
  const { ask, fakes } = await startServer(t, { containers: { export: async () => content(pieces()).content } });
  const answer = await ask('GET', path);
  assert.deepEqual([answer.status, answer.text], [200, 'an archive']);
  assert.equal(answer.headers['content-type'], 'application/octet-stream');
  assert.deepEqual(fakes.calls.pop(), { name: 'export', arguments: ['web'] });
  const refusing = await startServer(t, {
    containers: {
      export: async () => {
        throw new GantryError('conflict', 'You cannot export container web which is Dead');
      },
    },
  });
  assert.equal((await refusing.ask('GET', path)).status, 409);
});

test('an export that fails on the way does not look complete', async (t) => {
  const { ask } = await startServer(t, { containers: { export: async () => content(broken()).content } });
  await assert.rejects(ask('GET', path), { code: 'ECONNRESET' });
});

test('a client that goes ends the export', async (t) => {
  const { content: exported, closed } = content(endless());
  const { dial } = await startServer(t, { containers: { export: async () => exported } });
  const connection = await dial();
  connection.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  connection.socket.once('data', () => connection.socket.destroy());
  await closed;
});

test('checkpoints are refused with a word on what to do instead', async (t) => {
  const { ask } = await startServer(t);
  for (const [method, path] of [
    ['POST', '/containers/web/checkpoints'],
    ['GET', '/containers/web/checkpoints?dir=/x'],
    ['DELETE', '/containers/web/checkpoints/one'],
  ] as const) {
    const answer = await ask(method, path);
    assert.equal(answer.status, 501, path);
    assert.match(answer.text, /checkpoints are not supported.*gantry commit/);
  }
  for (const path of ['/containers/web/other/one', '/containers/web/checkpoints/', '/containers/a/b'])
    assert.deepEqual((await ask('DELETE', path)).json(), { message: 'page not found' });
});
