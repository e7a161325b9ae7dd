import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { test, type TestContext } from 'node:test';

import { WebSocket } from 'ws';

import { GantryError } from '../../src/base/index.ts';
import type { StreamSession } from '../../src/server/index.ts';
import { containerId, FakeSession } from './fakes.ts';
import { type Harness, startServer } from './harness.ts';

const attachPath = `/containers/${containerId}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`;

interface Message {
  readonly text: string;
  readonly isBinary: boolean;
}

/** A client that keeps what it is told. */
class Client {
  readonly messages: Message[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<number>;
  readonly socket: WebSocket;

  constructor(t: TestContext, { socketPath }: Harness, path: string) {
    this.socket = new WebSocket(`ws+unix://${socketPath}:${path}`);
    this.socket.on('message', (data: Buffer, isBinary) => this.messages.push({ text: data.toString(), isBinary }));
    this.opened = new Promise((resolve, reject) => this.socket.on('open', resolve).on('error', reject));
    this.closed = new Promise((resolve) => this.socket.on('close', resolve));
    this.opened.catch(() => {});
    t.after(() => this.socket.terminate());
  }

  get text(): string {
    return this.messages.map(({ text }) => text).join('');
  }
}

async function attached(t: TestContext, session: StreamSession, path = `/v1.50${attachPath}`) {
  const harness = await startServer(t, { containers: { attach: async () => session } });
  const client = new Client(t, harness, path);
  await client.opened;
  return { client, ...harness };
}

test('messages go both ways, output raw and in binary, and the end of output closes with 1000', async (t) => {
  const session = new FakeSession();
  const { client, fakes } = await attached(t, session);
  client.socket.send('typed ');
  client.socket.send(Buffer.from([0, 255]), { fin: false });
  client.socket.send(Buffer.from('end'), { fin: true });
  session.print('stdout', 'out');
  session.print('stderr', Buffer.from([0xe2, 0x82]));
  session.finish();
  assert.equal(await client.closed, 1000);
  assert.equal(client.text, `out${Buffer.from([0xe2, 0x82]).toString()}`);
  assert.ok(client.messages.every(({ isBinary }) => isBinary));
  await session.closed.promise;
  assert.deepEqual(Buffer.concat(session.received), Buffer.from('typed \0\xffend', 'latin1'));
  assert.deepEqual(fakes.calls[0]?.arguments[1], {
    stdin: true,
    stdout: true,
    stderr: true,
    stream: true,
    logs: false,
    detachKeys: undefined,
  });
});

test('before API 1.42 all streams are taken, and before 1.28 output is text that is valid whatever tears it', async (t) => {
  const session = new FakeSession();
  const { client, fakes } = await attached(t, session, `/v1.27/containers/${containerId}/attach/ws?stream=1`);
  const euro = Buffer.from('€');
  session.print('stdout', euro.subarray(0, 1));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  session.print('stdout', euro.subarray(1));
  session.print('stdout', Buffer.from([0xff]));
  session.finish();
  assert.equal(await client.closed, 1000);
  assert.equal(client.text, '€\ufffd');
  assert.ok(client.messages.every(({ isBinary }) => !isBinary));
  const options = fakes.calls[0]?.arguments[1] as Record<string, unknown>;
  assert.deepEqual([options['stdin'], options['stdout'], options['stderr']], [true, true, true]);
});

test('pings are answered; the close of a client is answered and ends its session only', async (t) => {
  const session = new FakeSession();
  const { client } = await attached(t, session);
  const pong = new Promise<string>((resolve) => client.socket.on('pong', (data) => resolve(data.toString())));
  client.socket.ping('there?');
  assert.equal(await pong, 'there?');
  client.socket.close(1000);
  assert.equal(await client.closed, 1000);
  await session.closed.promise;
});

test('a client without input is heard, and what it sends is dropped', async (t) => {
  const session = new FakeSession({ stdin: false });
  const { client } = await attached(t, session);
  client.socket.send('into the void');
  session.print('stdout', 'still here');
  session.finish();
  assert.equal(await client.closed, 1000);
  assert.equal(client.text, 'still here');
});

test('what breaks the protocol or the bounds is closed with the code that says so', async (t) => {
  const cases = [
    { bytes: Buffer.from([0x82, 0x01, 0x41]), code: 1002 },
    { bytes: Buffer.from([0xf2, 0x80, 0, 0, 0, 0]), code: 1002 },
    { bytes: Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]), code: 1009 },
    {
      bytes: Buffer.concat(
        Array.from({ length: 5000 }, (_, index) =>
          Buffer.from(index === 0 ? [0x02, 0x80, 0, 0, 0, 0] : [0x00, 0x80, 0, 0, 0, 0]),
        ),
      ),
      code: 1008,
    },
    { bytes: Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), code: 1007 },
  ];
  for (const { bytes, code } of cases) {
    const session = new FakeSession();
    const { dial } = await startServer(t, { containers: { attach: async () => session } });
    const client = await dial();
    client.send(`GET ${attachPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`);
    client.send(`Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
    await client.until('\r\n\r\n');
    client.send(bytes);
    await session.closed.promise;
    await client.until('\x02');
    assert.equal(client.body().readUInt16BE(client.body().length - 2), code);
    assert.deepEqual(session.received, []);
  }
});

test('input that the process does not take is left with the client', async (t) => {
  const { promise: taking, resolve: take } = Promise.withResolvers<void>();
  const received = { sizeBytes: 0 };
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      received.sizeBytes += chunk.length;
      void taking.then(() => done());
    },
  });
  const session = new FakeSession();
  const { tty, output } = session;
  const { client } = await attached(t, { tty, output, stdin, close: () => session.close() });
  const message = Buffer.alloc(1 << 20);
  let sent = 0;
  for (let count = 0; count < 32; count += 1) client.socket.send(message, () => (sent += 1));
  let before = -1;
  while (before !== sent || received.sizeBytes === 0) {
    before = sent;
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < 16, `${sent} MiB were taken from the client`);
  take();
  while (received.sizeBytes < 32 * message.length) await new Promise((resolve) => setImmediate(resolve));
  session.finish();
  assert.equal(await client.closed, 1000);
});

test('a client that is dropped is disconnected at once, though it does not read', async (t) => {
  const session = new FakeSession();
  const { client } = await attached(t, session);
  client.socket.pause();
  session.print('stdout', Buffer.alloc(4 << 20));
  session.print('stdout', Buffer.alloc(4 << 20));
  session.drop();
  await session.closed.promise;
  client.socket.resume();
  assert.equal(await client.closed, 1006);
});

test('what refuses an attach is a JSON answer before the handshake', async (t) => {
  const refused = new GantryError('conflict', 'container web is paused, unpause the container before attach');
  const harness = await startServer(t, {
    containers: {
      attach: async () => {
        throw refused;
      },
    },
  });
  const client = new Client(t, harness, attachPath);
  await assert.rejects(client.opened, /Unexpected server response: 409/);
  const plain = await harness.ask('GET', attachPath);
  assert.deepEqual([plain.status, plain.json()], [400, { message: 'not websocket protocol' }]);
  const noKey = await harness.ask('GET', attachPath, {
    headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
  });
  assert.deepEqual([noKey.status, noKey.json()], [400, { message: 'mismatch challenge/response' }]);
});

test('closing the server ends the session and the connection', async (t) => {
  const session = new FakeSession();
  const { client, server } = await attached(t, session);
  await server.close({ drainMs: 1000 });
  await session.closed.promise;
  await client.closed;
});

test('over the network a web page of another origin is refused, and programs and pages of the same origin attach', async (t) => {
  const session = new FakeSession();
  const { server, fakes } = await startServer(t, { containers: { attach: async () => session } });
  const address = await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const { host } = new URL(address);
  const attachFrom = (origin: string | undefined): Promise<number> => {
    const socket = new WebSocket(`ws://${host}/v1.50${attachPath}`, origin === undefined ? {} : { origin });
    t.after(() => socket.terminate());
    return new Promise((resolve) => {
      socket.on('error', () => {});
      socket.on('unexpected-response', (_, { statusCode = 0 }) => resolve(statusCode));
      socket.on('open', () => resolve(101));
    });
  };
  for (const origin of ['https://pages.example', `http://${host}.pages.example`, 'http://127.0.0.1:1', 'null']) {
    assert.equal(await attachFrom(origin), 403, origin);
  }
  assert.deepEqual(fakes.calls, []);
  assert.equal(await attachFrom(`http://${host}`), 101);
  assert.equal(await attachFrom(undefined), 101);
});
