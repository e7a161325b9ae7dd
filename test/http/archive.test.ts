import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';

import { GantryError } from '../../src/base/index.ts';
import { startServer } from './harness.ts';

const route = '/v1.50/containers/web/archive';

function statIn(headers: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString());
}

const stat = { name: 'f', size: 3, mode: 0o644, mtime: '2026-01-02T03:04:05.000000006Z', linkTarget: '' };

test('a path is described in a header, alone and before its archive', async (t) => {
  const { ask, fakes } = await startServer(t);
  const head = await ask('HEAD', `${route}?path=%2Fa%20b`);
  assert.deepEqual([head.status, statIn(head.headers), head.text], [200, stat, '']);
  const got = await ask('GET', `${route}?path=/d/.`);
  assert.deepEqual([got.status, statIn(got.headers), got.text], [200, stat, 'a tar']);
  assert.equal(got.headers['content-type'], 'application/x-tar');
  assert.deepEqual(
    fakes.calls.map(({ name, arguments: given }) => [name, ...given]),
    [
      ['stat', 'web', '/a b'],
      ['get', 'web', '/d/.'],
    ],
  );
});

test('a file may have a time that no calendar has', async (t) => {
  const times: [bigint, string][] = [
    [2n ** 62n * 1_000_000_000n, '9999-12-31T23:59:59.999999999Z'],
    [-(2n ** 62n) * 1_000_000_000n, '0000-01-01T00:00:00Z'],
  ];
  for (const [mtimeNs, mtime] of times) {
    const info = { name: 'f', sizeBytes: 3, mode: 0o644, mtimeNs, linkTarget: '' };
    const { ask } = await startServer(t, { archives: { stat: async () => info } });
    const { status, headers } = await ask('HEAD', `${route}?path=/f`);
    assert.deepEqual([status, statIn(headers)], [200, { ...stat, mtime }]);
  }
});

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.from('begun');
  throw new GantryError('internal', 'a disk has died');
}

test('an archive that fails in the middle does not look whole', async (t) => {
  let isClosed = false;
  const content = { chunks: broken(), close: () => void (isClosed = true) };
  const info = { name: 'f', sizeBytes: 3, mode: 0, mtimeNs: 0n, linkTarget: '' };
  const { ask } = await startServer(t, { archives: { get: async () => ({ stat: info, content }) } });
  await assert.rejects(ask('GET', `${route}?path=/f`));
  assert.ok(isClosed);
});

test('a body is passed on as it comes, with what is asked for', async (t) => {
  const received: Buffer[] = [];
  const asked: unknown[] = [];
  const { ask } = await startServer(t, {
    archives: {
      put: async (ref, { chunks, ...rest }) => {
        asked.push(ref, rest);
        for await (const chunk of chunks) received.push(Buffer.from(chunk));
      },
    },
  });
  const body = 'x'.repeat(20_000_000);
  const answer = await ask('PUT', `${route}?path=/d&noOverwriteDirNonDir=true&copyUIDGID=1`, { body });
  assert.deepEqual([answer.status, answer.text], [200, '']);
  assert.equal(Buffer.concat(received).length, body.length);
  assert.deepEqual(asked, ['web', { path: '/d', noOverwriteDirNonDir: true, copyUidGid: true }]);
});

test('a refusal is heard although the body has not been read', async (t) => {
  const { ask } = await startServer(t, {
    archives: {
      put: async () => {
        throw new GantryError('forbidden', 'container rootfs is marked read-only');
      },
    },
  });
  const answer = await ask('PUT', `${route}?path=/d`, { body: 'x'.repeat(3_000_000) });
  assert.deepEqual([answer.status, answer.json()], [403, { message: 'container rootfs is marked read-only' }]);
});

test('an archive is sent whole although its maker uses one buffer', async (t) => {
  const sizes = [1, 100, 70_000, 3, 300_000, 512];
  async function* reused(): AsyncGenerator<Buffer> {
    const buffer = Buffer.alloc(300_000);
    for (const [index, size] of sizes.entries()) yield buffer.fill(97 + index).subarray(0, size);
    buffer.fill('!');
  }
  const info = { name: 'f', sizeBytes: 3, mode: 0, mtimeNs: 0n, linkTarget: '' };
  const content = { chunks: reused(), close: () => {} };
  const { ask } = await startServer(t, { archives: { get: async () => ({ stat: info, content }) } });
  const answer = await ask('GET', `${route}?path=/f`);
  assert.ok(answer.text === sizes.map((size, index) => String.fromCharCode(97 + index).repeat(size)).join(''));
});

test('a long body passes through a few buffers', async (t) => {
  let receivedBytes = 0;
  let mostBytes = 0;
  const body = 'x'.repeat(200_000_000);
  const { ask } = await startServer(t, {
    archives: {
      put: async (_ref, { chunks }) => {
        const atFirst = process.memoryUsage().arrayBuffers;
        for await (const chunk of chunks) {
          receivedBytes += chunk.length;
          mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers - atFirst);
        }
      },
    },
  });
  assert.equal((await ask('PUT', `${route}?path=/d`, { body })).status, 200);
  assert.equal(receivedBytes, body.length);
  assert.ok(mostBytes < 4 * 1024 * 1024, `${mostBytes} bytes of buffers`);
});

test('a body that breaks off is no whole one', async (t) => {
  const outcome = Promise.withResolvers<string>();
  const { socketPath } = await startServer(t, {
    archives: {
      put: async (_ref, { chunks }) => {
        try {
          for await (const _ of chunks) client.destroy();
          outcome.resolve('whole');
        } catch {
          outcome.resolve('broken');
        }
      },
    },
  });
  const client = connect(socketPath);
  client.write(`PUT ${route}?path=/d HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\nabc`);
  assert.equal(await outcome.promise, 'broken');
});
