import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { SystemInfo } from '../../src/api/index.ts';
import { silentLogger } from '../../src/base/index.ts';
import { type ApiServer, createServer } from '../../src/server/index.ts';
import { fakeBackends } from './fakes.ts';

function makeServer(t: TestContext, own: Parameters<typeof fakeBackends>[0] = {}): ApiServer {
  const server = createServer({ backends: fakeBackends(own), info: { version: '1' }, logger: silentLogger });
  t.after(() => server.close({ drainMs: 0 }));
  return server;
}

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-listen-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function ping(where: { socketPath: string } | { port: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ ...where, path: '/_ping', agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', resolve);
    }).on('error', reject);
  });
}

test('several listeners serve at once; a unix socket is closed to others and goes with the server', async (t) => {
  const path = join(makeDirectory(t), 'a.sock');
  const server = makeServer(t);
  assert.equal(await server.listen({ kind: 'unix', path, groupId: process.getgid?.() ?? 0 }), `unix://${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  const address = await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const port = Number(/^tcp:\/\/127\.0\.0\.1:(\d+)$/.exec(address)?.[1]);
  assert.equal(await ping({ socketPath: path }), 'OK');
  assert.equal(await ping({ port }), 'OK');
  await server.close({ drainMs: 1000 });
  assert.ok(!existsSync(path));
  await assert.rejects(ping({ port }), { code: 'ECONNREFUSED' });
});

test('a socket that nobody answers on is replaced; one in use and another file are left alone', async (t) => {
  const directory = makeDirectory(t);
  const stale = join(directory, 'stale.sock');
  await leaveStaleSocket(stale);
  const first = makeServer(t);
  await first.listen({ kind: 'unix', path: stale });
  await assert.rejects(makeServer(t).listen({ kind: 'unix', path: stale }), { kind: 'conflict' });
  assert.equal(await ping({ socketPath: stale }), 'OK');
  const file = join(directory, 'file');
  writeFileSync(file, 'precious');
  await assert.rejects(makeServer(t).listen({ kind: 'unix', path: file }), { kind: 'conflict' });
  await assert.rejects(makeServer(t).listen({ kind: 'unix', path: join(directory, 'x'.repeat(120)) }), {
    kind: 'invalid',
  });
});

test('a listening socket that was handed over serves', async (t) => {
  const path = join(makeDirectory(t), 'handed.sock');
  const holder = createNetServer().listen(path);
  t.after(() => holder.close());
  const { _handle: handle } = holder as unknown as { _handle: { fd: number } };
  const source = new URL('../../src/', import.meta.url).href;
  const script = `
    import { createServer } from '${source}server/index.ts';
    import { silentLogger } from '${source}base/index.ts';
    import { fakeBackends } from '${new URL('fakes.ts', import.meta.url).href}';
    const server = createServer({ backends: fakeBackends(), info: { version: '1' }, logger: silentLogger });
    console.log(await server.listen({ kind: 'fd', fd: 3 }));
  `;
  const daemon = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit', handle.fd],
  });
  t.after(() => daemon.kill());
  assert.ok(daemon.stdout !== null);
  const [line] = (await Promise.race([once(daemon.stdout, 'data'), once(daemon, 'exit')])) as [unknown];
  assert.equal(String(line), 'fd://3\n');
  // Only the daemon accepts from now on. Closing takes the holder's own name away.
  const kept = `${path}.kept`;
  linkSync(path, kept);
  holder.close();
  assert.equal(await ping({ socketPath: kept }), 'OK');
});

test('closing waits for requests under way, but not longer than it is told', async (t) => {
  const path = join(makeDirectory(t), 'a.sock');
  const info = Promise.withResolvers<SystemInfo>();
  const asked = Promise.withResolvers<void>();
  const server = makeServer(t, {
    system: {
      info: () => {
        asked.resolve();
        return info.promise;
      },
      version: () => new Promise(() => {}),
    },
  });
  await server.listen({ kind: 'unix', path });
  const answered = new Promise<string>((resolve, reject) => {
    get({ socketPath: path, path: '/info' }, (response) => response.setEncoding('utf8').on('data', resolve)).on(
      'error',
      reject,
    );
  });
  await asked.promise;
  const closed = server.close({ drainMs: 60_000 });
  info.resolve({ ID: 'late' } as SystemInfo);
  assert.equal(await answered, '{"ID":"late"}\n');
  await closed;
});

test('a request that does not end in time is dropped', async (t) => {
  const path = join(makeDirectory(t), 'a.sock');
  const asked = Promise.withResolvers<void>();
  const server = makeServer(t, {
    system: {
      version: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    },
  });
  await server.listen({ kind: 'unix', path });
  const failed = new Promise((resolve) => {
    get({ socketPath: path, path: '/version' }).on('error', resolve);
  });
  await asked.promise;
  await server.close({ drainMs: 1 });
  assert.ok((await failed) instanceof Error);
});

/** Leaves a socket file behind as a daemon does that was killed. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(`${path}.bound`, resolve));
  linkSync(`${path}.bound`, path);
  await new Promise((resolve) => server.close(resolve));
}
