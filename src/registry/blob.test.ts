import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { digestOf, parseReference } from '../oci/index.ts';
import type { Reference } from '../oci/index.ts';
import { impatientClient, MemorySink, serve } from './testServer.ts';
import type { Handler, TestServer } from './testServer.ts';

const text = 'the content of a layer';
const blob = { digest: digestOf(text), size: text.length };

function named(server: TestServer): Reference {
  return parseReference(`${server.host}/app`);
}

/** Serves the blob with ranges, as a well-behaved registry does. */
const ranged: Handler = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start > 0) {
    response.writeHead(206, { 'Content-Range': `bytes ${start}-${text.length - 1}/${text.length}` });
  }
  response.end(text.slice(start));
};

describe('fetchBlob', () => {
  it('fetches a blob and reports how far it is', async (context) => {
    const server = await serve(context, ranged);
    const sink = new MemorySink();
    const progress: number[] = [];
    await impatientClient(context).fetchBlob(named(server), blob, sink, {
      onProgress: (bytes) => progress.push(bytes),
    });
    assert.equal(sink.text, text);
    assert.deepEqual([progress[0], progress.at(-1)], [0, text.length]);
    assert.deepEqual(server.requests, [`GET /v2/app/blobs/${blob.digest}`]);
  });

  it('asks only for what is missing, and for nothing when all is there', async (context) => {
    const server = await serve(context, ranged);
    const client = impatientClient(context);
    const sink = new MemorySink(text.slice(0, 5));
    await client.fetchBlob(named(server), blob, sink);
    await client.fetchBlob(named(server), blob, new MemorySink(text));
    assert.equal(sink.text, text);
    assert.equal(sink.restarts, 0);
    assert.equal(server.requests.length, 1);
  });

  it('goes on after cut connections, as often as it takes while there is progress', async (context) => {
    const server = await serve(context, (request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, {
        'Content-Length': text.length - start,
        ...(start > 0 && { 'Content-Range': `bytes ${start}-${text.length - 1}/${text.length}` }),
      });
      if (start + 3 >= text.length) response.end(text.slice(start));
      else response.write(text.slice(start, start + 3), () => response.destroy());
    });
    const sink = new MemorySink();
    await impatientClient(context, { limits: { attemptsMax: 2 } }).fetchBlob(named(server), blob, sink);
    assert.equal(sink.text, text);
    assert.equal(server.requests.length, Math.ceil(text.length / 3));
  });

  const restarting: readonly (readonly [what: string, handle: Handler])[] = [
    ['knows no ranges', (_, response) => response.end(text)],
    [
      'refuses the range',
      (request, response) => (request.headers.range === undefined ? response.end(text) : response.writeHead(416).end()),
    ],
    [
      'sends another range than asked for',
      (request, response) => {
        if (request.headers.range !== undefined)
          response.writeHead(206, { 'Content-Range': `bytes 1-${text.length - 1}/${text.length}` });
        response.end(text);
      },
    ],
  ];
  for (const [what, handle] of restarting)
    it(`starts over with a registry that ${what}`, async (context) => {
      const server = await serve(context, handle);
      const sink = new MemorySink('abc');
      await impatientClient(context).fetchBlob(named(server), blob, sink);
      assert.equal(sink.text, text);
      assert.equal(sink.restarts, 1);
    });

  it('starts over when more is there than the blob has', async (context) => {
    const server = await serve(context, ranged);
    const sink = new MemorySink(`${text}more`);
    await impatientClient(context).fetchBlob(named(server), blob, sink);
    assert.equal(sink.text, text);
  });

  it('stops at the first byte too many', async (context) => {
    const server = await serve(context, (_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('endless ', () => setImmediate(more));
      };
      more();
    });
    const sink = new MemorySink();
    await assert.rejects(impatientClient(context).fetchBlob(named(server), blob, sink), {
      kind: 'invalid',
      message: `blob ${blob.digest}: the registry sends more than the expected 22 bytes`,
    });
    assert.ok(sink.text.length <= blob.size);
    assert.equal(server.requests.length, 1);
  });

  it('refuses another announced size before the first byte', async (context) => {
    const server = await serve(context, (_, response) => response.writeHead(200, { 'Content-Length': 3 }).end('abc'));
    const sink = new MemorySink();
    await assert.rejects(impatientClient(context).fetchBlob(named(server), blob, sink), {
      kind: 'invalid',
      message: /sends 3 bytes where 22 are expected$/,
    });
    assert.equal(sink.text, '');
  });

  it('gives up when a blob stays too short', async (context) => {
    const server = await serve(context, (request, response) => {
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.end(request.url === '/v2/' ? '' : 'abc');
    });
    const client = impatientClient(context, { limits: { attemptsMax: 3 } });
    const progressless = { ...blob, size: 3 + blob.size };
    await assert.rejects(client.fetchBlob(named(server), progressless, new MemorySink()), {
      kind: 'invalid',
      message: /3 of 25 bytes came: unexpected EOF$/,
    });
    assert.equal(server.requests.length, 3);
  });

  it('gives up on a server that falls silent half-way', async (context) => {
    const server = await serve(context, (request, response) => {
      response.writeHead(request.headers.range === undefined ? 200 : 503);
      response.write('abc');
    });
    const client = impatientClient(context, { limits: { idleTimeoutMs: 20, attemptsMax: 1 } });
    const sink = new MemorySink();
    await assert.rejects(client.fetchBlob(named(server), blob, sink), {
      kind: 'unavailable',
      message: /i\/o timeout$/,
    });
    assert.equal(sink.text, 'abc');
  });

  it('follows a redirect to another host without the credentials', async (context) => {
    const seen: (string | undefined)[] = [];
    const storage = await serve(context, (request, response) => {
      seen.push(request.headers.authorization);
      response.end(text);
    });
    const server = await serve(context, (request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end();
      else response.writeHead(307, { Location: `http://${storage.host}/signed?secret=1` }).end();
    });
    const sink = new MemorySink();
    const auth = { username: 'me', password: 'secret' };
    await impatientClient(context).fetchBlob(named(server), blob, sink, { auth });
    assert.equal(sink.text, text);
    assert.deepEqual(seen, [undefined]);
  });

  it('passes on what the sink throws, and does not try again', async (context) => {
    const server = await serve(context, ranged);
    const full = new Error('no space left');
    const sink = Object.assign(new MemorySink(), { write: () => Promise.reject(full) });
    await assert.rejects(impatientClient(context).fetchBlob(named(server), blob, sink), full);
    assert.equal(server.requests.length, 1);
  });

  it('keeps what has come when the caller gives up', async (context) => {
    const abort = new AbortController();
    const server = await serve(context, (_, response) => void response.write('the '));
    const sink = new MemorySink();
    const onProgress = (bytes: number): void => {
      if (bytes > 0) abort.abort();
    };
    const fetched = impatientClient(context).fetchBlob(named(server), blob, sink, { signal: abort.signal, onProgress });
    await assert.rejects(fetched, { kind: 'cancelled' });
    assert.equal(sink.text, 'the ');
  });
});
