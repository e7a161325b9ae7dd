import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import * as fc from 'fast-check';

import { GantryError } from '../base/index.ts';
import { Api, encodeFilters, pathPart } from './api.ts';
import { ChunkedDecoder } from './chunked.ts';
import { attachContainer, listContainers, waitContainer } from './containers.ts';
import { parseEndpoint, showEndpoint } from './endpoint.ts';
import { DaemonError } from './errors.ts';
import { pullImage } from './images.ts';

async function socketPath(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-client-'));
  context.after(() => rm(folder, { recursive: true }));
  return join(folder, 'daemon.sock');
}

async function listening(context: TestContext, server: Server | NetServer): Promise<Api> {
  const path = await socketPath(context);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await promise;
  const api = new Api({ scheme: 'unix', path }, { userAgent: 'test' });
  context.after(() => {
    api.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return api;
}

/** A daemon that answers by `listener`; its ping offers `version`. */
function daemon(context: TestContext, listener: RequestListener, version = '1.44'): Promise<Api> {
  const server = createHttpServer((request, response) => {
    if (request.url === '/_ping') return response.setHeader('Api-Version', version).end();
    return listener(request, response);
  });
  return listening(context, server);
}

/** A daemon that answers every connection's bytes with `answers`, one for each request, and counts connections. */
async function scripted(context: TestContext, answer: (socket: Socket, request: string) => void): Promise<Api> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => answer(socket, data.toString()));
  });
  return listening(context, server);
}

const pong = 'HTTP/1.1 200 OK\r\nApi-Version: 1.50\r\nContent-Length: 0\r\n\r\n';

async function collect(source: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('the older of both versions goes into the path, and the query has what was asked', async (context) => {
  const seen: (string | undefined)[] = [];
  const api = await daemon(context, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end('[]');
  });
  const filters = new Map([['name', new Set(['a', 'b'])]]);
  await listContainers(api, { all: true, limit: -1, size: false, filters });
  const encoded = encodeURIComponent('{"name":{"a":true,"b":true}}');
  assert.deepEqual(seen, [`GET /v1.44/containers/json?all=1&filters=${encoded}`]);
});

test('a daemon newer than the client is spoken to in the client’s version', async (context) => {
  const api = await daemon(context, (request, response) => response.end(JSON.stringify(request.url)), '1.99');
  assert.equal(await api.json('GET', '/info'), '/v1.50/info');
});

test('one connection serves calls that follow each other', async (context) => {
  const sockets = new Set<unknown>();
  const api = await daemon(context, (request, response) => {
    sockets.add(request.socket);
    response.end('{}');
  });
  for (let call = 0; call < 5; call++) await api.json('GET', '/info');
  assert.equal(sockets.size, 1);
});

test('errors carry the daemon’s text and hint, whatever the body is', async (context) => {
  const answers = ['{"message":"No such container: x","hint":"Try ps."}', '<html>bad gateway</html>', ''];
  const api = await daemon(context, (_request, response) => {
    response.statusCode = 404;
    response.end(answers.shift());
  });
  await assert.rejects(api.run('DELETE', '/containers/x'), (error: unknown) => {
    assert.ok(error instanceof DaemonError);
    assert.equal(error.message, 'Error response from daemon: No such container: x');
    assert.deepEqual([error.kind, error.hint, error.status], ['notFound', 'Try ps.', 404]);
    return true;
  });
  await assert.rejects(api.run('GET', '/'), { message: 'Error response from daemon: <html>bad gateway</html>' });
  await assert.rejects(api.run('GET', '/'), { message: 'Error response from daemon: status 404 without a message' });
});

test('an absent daemon is named, with what to do', async (context) => {
  const path = await socketPath(context);
  await assert.rejects(new Api({ scheme: 'unix', path }, { userAgent: 'test' }).ping(), (error: unknown) => {
    assert.ok(error instanceof GantryError);
    assert.equal(error.message, `Cannot connect to the Gantry daemon at unix://${path}. Is the gantry daemon running?`);
    assert.match(error.hint ?? '', /gantryd/);
    return true;
  });
});

test('wait resolves at the head and its value at the body', async (context) => {
  let finish: () => void = assert.fail;
  const api = await daemon(context, (_request, response) => {
    response.flushHeaders();
    finish = () => response.end('{"StatusCode":7}');
  });
  const waiting = await waitContainer(api, 'x', 'next-exit');
  finish();
  assert.deepEqual(await waiting.value, { StatusCode: 7 });
});

test('progress lines come one by one however the bytes are cut', async (context) => {
  const api = await scripted(context, (socket, request) => {
    if (request.startsWith('HEAD')) return socket.write(pong);
    const body = '{"status":"ä"}\r\n{"id":"b"}\n\n{"id":"c"}';
    const bytes = Buffer.from(body);
    const chunks = Array.from(bytes, (_byte, index) =>
      Buffer.concat([Buffer.from('1;x=y\r\n'), bytes.subarray(index, index + 1), Buffer.from('\r\n')]),
    );
    return socket.write(
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
        ...chunks,
        Buffer.from('0\r\nTrailer: x\r\n\r\n'),
      ]),
    );
  });
  const messages = [];
  for await (const message of await pullImage(api, { fromImage: 'x', tag: 'y', platform: '' })) messages.push(message);
  assert.deepEqual(messages, [{ status: 'ä' }, { id: 'b' }, { id: 'c' }]);
});

test('property: chunks decode the same however they are cut', () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 });
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 9 }), (bodies, step) => {
      const coded = bodies.flatMap((body) => [
        Buffer.from(`${body.length.toString(16)};x=1\r\n`),
        body,
        Buffer.from('\r\n'),
      ]);
      const wire = Buffer.concat([...coded, Buffer.from('0\r\nT: x\r\n\r\nHTTP')]);
      const decoder = new ChunkedDecoder();
      const payloads: Buffer[] = [];
      let rest = Buffer.alloc(0);
      for (let at = 0; at < wire.length; at += step) {
        const bytes = wire.subarray(at, at + step);
        const decoded = decoder.done ? { payload: Buffer.alloc(0), rest: bytes } : decoder.push(bytes);
        payloads.push(decoded.payload);
        rest = Buffer.concat([rest, decoded.rest]);
      }
      assert.deepEqual(Buffer.concat(payloads), Buffer.concat(bodies));
      assert.equal(rest.toString(), 'HTTP');
    }),
  );
});

test('an answer that is cut short is an error, not an end', async (context) => {
  for (const part of ['Transfer-Encoding: chunked\r\n\r\n5\r\nab', 'Content-Length: 9\r\n\r\n{}', 'Content-Le']) {
    const api = await scripted(context, (socket, request) => {
      if (request.startsWith('HEAD')) return socket.write(pong);
      return socket.end(`HTTP/1.1 200 OK\r\n${part}`);
    });
    await assert.rejects(api.json('GET', '/info'), /closed the connection in the middle of an answer/);
  }
});

test('a daemon that does not speak HTTP, or floods the header, is refused', async (context) => {
  const banner = await scripted(context, (socket) => socket.end('SSH-2.0-x\r\n\r\n'));
  await assert.rejects(banner.ping(), /does not speak HTTP: it answered "SSH-2.0-x"/);
  const flood = await scripted(context, (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(200_000)}`));
  await assert.rejects(flood.ping(), /oversized header/);
});

test('attach hijacks: early output, half-close, then the rest', async (context) => {
  const api = await scripted(context, (socket, request) => {
    if (request.startsWith('HEAD')) return socket.write(pong);
    if (!request.startsWith('POST')) return socket.write(`echo ${request}`);
    assert.match(request, /attach\?stderr=1&stdin=1&stdout=1&stream=1 HTTP/);
    assert.match(request, /\r\nUpgrade: tcp\r\n/);
    socket.on('end', () => socket.end('after eof'));
    return socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ');
  });
  const stream = await attachContainer(api, 'x', { stdin: true, stdout: true, stderr: true });
  stream.input.write('hi ');
  stream.input.end();
  assert.equal(await collect(stream.output), 'early echo hi after eof');
});

test('a refused hijack is the daemon’s error', async (context) => {
  const api = await daemon(context, (_request, response) => {
    response.statusCode = 409;
    response.end('{"message":"is paused"}');
  });
  const attaching = attachContainer(api, 'x', { stdin: false, stdout: true, stderr: true });
  await assert.rejects(attaching, { message: 'Error response from daemon: is paused', kind: 'conflict' });
});

test('an aborted call ends with the reason', async (context) => {
  const api = await daemon(context, (_request, response) => response.flushHeaders());
  const abort = new AbortController();
  const body = await api.bytes('GET', '/events', { signal: abort.signal });
  const reading = collect(body);
  abort.abort(new Error('enough'));
  await assert.rejects(reading, /enough/);
});

test('endpoints as people write them', () => {
  assert.deepEqual(parseEndpoint('unix:///run/x.sock'), { scheme: 'unix', path: '/run/x.sock' });
  assert.deepEqual(parseEndpoint('tcp://10.0.0.1:2376'), { scheme: 'tcp', host: '10.0.0.1', port: 2376 });
  assert.deepEqual(parseEndpoint('localhost:1'), { scheme: 'tcp', host: 'localhost', port: 1 });
  assert.equal(showEndpoint(parseEndpoint('tcp://[::1]:99')), 'tcp://[::1]:99');
  assert.equal(showEndpoint(parseEndpoint('tcp://')), 'tcp://127.0.0.1:2375');
  for (const bad of ['tcp://a:b', 'tcp://a:99999', 'unix://', 'gopher://x']) assert.throws(() => parseEndpoint(bad));
  assert.throws(() => parseEndpoint('ssh://host'), { kind: 'notImplemented' });
});

test('names in paths keep what image names need and escape the rest', () => {
  assert.equal(pathPart('127.0.0.1:5000/a/b@sha256:c'), '127.0.0.1:5000/a/b@sha256:c');
  assert.equal(pathPart('a b?c#d%'), 'a%20b%3Fc%23d%25');
  assert.equal(encodeFilters(new Map()), undefined);
});
