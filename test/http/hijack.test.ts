import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GantryError } from '../../src/base/index.ts';
import { containerId, execId, FakeSession } from './fakes.ts';
import { startServer } from './harness.ts';

const upgrade = { Connection: 'Upgrade', Upgrade: 'tcp' };
const attachPath = `/v1.50/containers/${containerId}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
const startPath = `/v1.50/exec/${execId}/start`;

const frame = (stream: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);

test('attach with Upgrade is 101, frames both streams and passes EOF on while output goes on', async (t) => {
  const session = new FakeSession();
  const { dial, fakes } = await startServer(t, { containers: { attach: async () => session } });
  const client = await dial();
  client.post(attachPath, { headers: { ...upgrade, 'Content-Type': 'text/plain' } });
  const head = (await client.until('\r\n\r\n')).toString();
  assert.match(head, /^HTTP\/1\.1 101 UPGRADED\r\nContent-Type: application\/vnd\.docker\.multiplexed-stream\r\n/);
  assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n/);
  assert.doesNotMatch(head, /transfer-encoding|content-length/i);
  client.send('hello');
  client.socket.end();
  await session.inputEnded.promise;
  assert.equal(Buffer.concat(session.received).toString(), 'hello');
  session.print('stdout', 'out');
  session.print('stderr', 'err');
  session.finish();
  await client.ended.promise;
  assert.deepEqual(client.body(), Buffer.concat([frame(1, 'out'), frame(2, 'err')]));
  await session.closed.promise;
  assert.deepEqual(fakes.calls[0]?.arguments[1], {
    stdin: true,
    stdout: true,
    stderr: true,
    stream: true,
    logs: false,
    detachKeys: undefined,
  });
});

test('attach with a terminal is raw', async (t) => {
  const session = new FakeSession({ tty: true });
  const { dial } = await startServer(t, { containers: { attach: async () => session } });
  const client = await dial();
  client.post(attachPath, { headers: upgrade });
  session.print('stdout', 'prompt$ ');
  const received = (await client.until('prompt$ ')).toString();
  assert.match(received, /Content-Type: application\/vnd\.docker\.raw-stream\r\n/);
  assert.equal(client.body().toString(), 'prompt$ ');
  session.finish();
  await client.ended.promise;
});

test('before API 1.42 frames are announced as a raw stream', async (t) => {
  const session = new FakeSession();
  const { dial } = await startServer(t, { containers: { attach: async () => session } });
  const client = await dial();
  client.post(attachPath.replace('1.50', '1.41'), { headers: upgrade });
  session.print('stdout', 'x');
  session.finish();
  await client.ended.promise;
  assert.match(
    client.received.toString('latin1'),
    /101 UPGRADED\r\nContent-Type: application\/vnd\.docker\.raw-stream\r\n/,
  );
  assert.deepEqual(client.body(), frame(1, 'x'));
});

test('input that comes with the request, before the answer, is delivered', async (t) => {
  const session = new FakeSession();
  const { dial, fakes } = await startServer(t, { execs: { start: async () => session } });
  const client = await dial();
  const body = '{"Detach":false,"Tty":false}';
  const head = `POST ${startPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n`;
  client.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}early input`);
  client.socket.end();
  await session.inputEnded.promise;
  assert.equal(Buffer.concat(session.received).toString(), 'early input');
  assert.deepEqual(fakes.calls[1]?.arguments, [execId, { Detach: false, Tty: false }]);
  session.finish();
  await client.ended.promise;
});

test('a body that comes in pieces behind an upgrade is read whole', async (t) => {
  const session = new FakeSession();
  const { dial, fakes } = await startServer(t, { execs: { start: async () => session } });
  const client = await dial();
  const body = '{"Detach":false,"Tty":true}';
  client.send(`POST ${startPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n`);
  client.send(`Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
  await new Promise((resolve) => setImmediate(resolve));
  client.send(body.slice(5));
  await client.until('101 UPGRADED');
  assert.deepEqual(fakes.calls[1]?.arguments[1], { Detach: false, Tty: true });
  session.finish();
  await client.ended.promise;
});

test('without Upgrade the answer is 200 and the same streams, both ways, with a body in front', async (t) => {
  const session = new FakeSession();
  const { dial } = await startServer(t, { execs: { start: async () => session } });
  const client = await dial();
  client.post(startPath, { headers: { 'Content-Type': 'application/json' }, body: '{"Detach":false,"Tty":false}' });
  const head = (await client.until('\r\n\r\n')).toString();
  assert.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/vnd\.docker\.raw-stream\r\n/);
  assert.doesNotMatch(head, /transfer-encoding|content-length/i);
  client.send('GET / HTTP/1.1 is input here');
  session.print('stdout', 'out');
  await client.until('out');
  client.socket.end();
  await session.inputEnded.promise;
  assert.equal(Buffer.concat(session.received).toString(), 'GET / HTTP/1.1 is input here');
  session.finish();
  await client.ended.promise;
  assert.deepEqual(client.body(), frame(1, 'out'));
});

test('a second request on one connection can be hijacked', async (t) => {
  const session = new FakeSession();
  const { dial } = await startServer(t, { containers: { attach: async () => session } });
  const client = await dial();
  client.send('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('\r\n\r\nOK');
  client.post(attachPath);
  await client.until('vnd.docker.raw-stream');
  client.send('typed');
  client.socket.end();
  await session.inputEnded.promise;
  assert.equal(Buffer.concat(session.received).toString(), 'typed');
  session.finish();
  await client.ended.promise;
});

test('a client that goes away closes the session', async (t) => {
  for (const headers of [upgrade, {}]) {
    const session = new FakeSession();
    const { dial } = await startServer(t, { containers: { attach: async () => session } });
    const client = await dial();
    client.post(attachPath, { headers });
    await client.until('vnd.docker');
    client.socket.destroy();
    // Nothing but a write tells an engine that a client without input has gone.
    session.print('stdout', 'nobody reads this');
    await session.closed.promise;
  }
});

test('a slow client holds the output back instead of filling memory', async (t) => {
  const session = new FakeSession({ stdin: false });
  const taken = { chunks: 0 };
  const chunk = Buffer.alloc(256 * 1024);
  async function* endlessOutput(): FakeSession['output'] {
    while (taken.chunks < 40) {
      taken.chunks += 1;
      yield { stream: 'stdout', data: chunk };
    }
  }
  const { dial } = await startServer(t, {
    containers: {
      attach: async () => ({ tty: true, output: endlessOutput(), stdin: undefined, close: () => session.close() }),
    },
  });
  const client = await dial();
  client.socket.pause();
  client.post(attachPath, { headers: upgrade });
  let before = -1;
  while (before !== taken.chunks || taken.chunks === 0) {
    before = taken.chunks;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(taken.chunks < 20, `${taken.chunks} chunks were read from the process`);
  client.socket.resume();
  await client.ended.promise;
  assert.equal(client.body().length, 40 * chunk.length);
});

test('a client that is dropped is disconnected at once, though it does not read', async (t) => {
  const session = new FakeSession();
  const { dial } = await startServer(t, { containers: { attach: async () => session } });
  const client = await dial();
  client.post(attachPath, { headers: upgrade });
  await client.until('\r\n\r\n');
  client.socket.pause();
  session.print('stdout', Buffer.alloc(4 << 20));
  session.print('stdout', Buffer.alloc(4 << 20));
  session.drop();
  await session.closed.promise;
  client.socket.resume();
  await client.ended.promise;
  assert.ok(client.body().length < 4 << 20);
});

async function refuse(): Promise<never> {
  throw new GantryError('conflict', 'container is paused');
}

test('what refuses an attach or an exec is a JSON answer, with and without Upgrade', async (t) => {
  const { dial } = await startServer(t, { containers: { attach: refuse }, execs: { expectStartable: refuse } });
  for (const headers of [upgrade, {}]) {
    for (const path of [attachPath, startPath]) {
      const client = await dial();
      client.post(path, { headers: { ...headers, 'Content-Type': 'application/json' }, body: '{}' });
      const received = (await client.until('container is paused')).toString();
      assert.match(received, /^HTTP\/1\.1 409 Conflict\r\n/);
      assert.match(received, /\r\nContent-Type: application\/json\r\n/);
      assert.equal(client.body().toString(), '{"message":"container is paused"}\n');
    }
  }
});

test('an exec answers before its command runs, and keeps what comes meanwhile for it', async (t) => {
  for (const headers of [upgrade, {}]) {
    const session = new FakeSession();
    const started = Promise.withResolvers<FakeSession>();
    const { dial } = await startServer(t, { execs: { start: () => started.promise } });
    const client = await dial();
    client.post(startPath, { headers: { ...headers, 'Content-Type': 'application/json' }, body: '{}' });
    await client.until('\r\n\r\n');
    client.send('early');
    client.socket.end();
    started.resolve(session);
    await session.inputEnded.promise;
    assert.equal(Buffer.concat(session.received).toString(), 'early');
    session.print('stdout', 'out');
    session.finish();
    await client.ended.promise;
    assert.deepEqual(client.body(), frame(1, 'out'));
  }
});

test('an exec whose program cannot be started says so in its stream', async (t) => {
  const { dial } = await startServer(t, {
    execs: {
      start: async () => {
        throw new GantryError('invalid', 'exec: "nosuch": executable file not found in $PATH');
      },
    },
  });
  const client = await dial();
  client.post(startPath, { headers: { ...upgrade, 'Content-Type': 'application/json' }, body: '{}' });
  await client.ended.promise;
  assert.match(client.received.toString('latin1'), /^HTTP\/1\.1 101 UPGRADED\r\n/);
  assert.deepEqual(client.body(), frame(1, 'exec: "nosuch": executable file not found in $PATH\r\n'));
});

test('a detached exec answers 200 without a body, also when Upgrade was offered', async (t) => {
  const { dial, ask } = await startServer(t, { execs: { start: async () => undefined } });
  const answer = await ask('POST', startPath, { body: { Detach: true } });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, '');
  const client = await dial();
  client.post(startPath, { headers: { ...upgrade, 'Content-Type': 'application/json' }, body: '{"Detach":true}' });
  await client.ended.promise;
  assert.match(client.received.toString(), /^HTTP\/1\.1 200 OK\r\n/);
});

test('closing the server ends attached sessions', async (t) => {
  const session = new FakeSession();
  const { dial, server } = await startServer(t, { containers: { attach: async () => session } });
  const client = await dial();
  client.post(attachPath, { headers: upgrade });
  await client.until('101 UPGRADED');
  await server.close({ drainMs: 1000 });
  await session.closed.promise;
  await client.ended.promise;
});
