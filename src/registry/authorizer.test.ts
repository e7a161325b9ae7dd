import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';

import { digestOf, parseReference } from '../oci/index.ts';
import type { Reference } from '../oci/index.ts';
import { parseChallenges } from './challenge.ts';
import { impatientClient, MemorySink, sendError, serve } from './testServer.ts';
import type { TestServer } from './testServer.ts';

const text = 'blob';
const blob = { digest: digestOf(text), size: text.length };
const secret = 'hunter2-secret';

type TokenServer = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry that wants the bearer token `valid` and sends clients to its own /token. */
function protectedBy(token: TokenServer, accepted: () => string = () => 'Bearer valid') {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { host = '', authorization } = request.headers;
    if (request.url?.startsWith('/token') === true) return token(request, response);
    if (authorization === accepted()) return void response.end(text);
    const challenge = `Bearer realm="http://${host}/token",service="reg",scope="repository:app:pull"`;
    response.setHeader('WWW-Authenticate', challenge);
    return sendError(response, 401, 'UNAUTHORIZED', 'authentication required');
  };
}

function named(server: TestServer): Reference {
  return parseReference(`${server.host}/app`);
}

describe('bearer tokens', () => {
  it('are fetched anonymously, kept for the next request, and fetched anew when they expire', async (context) => {
    let nowMs = 1000;
    const server = await serve(
      context,
      protectedBy((_, response) => response.end(JSON.stringify({ token: 'valid', expires_in: 300 }))),
    );
    const client = impatientClient(context, { now: () => nowMs });
    await client.fetchBlob(named(server), blob, new MemorySink());
    await client.fetchBlob(named(server), blob, new MemorySink());
    nowMs += 299_000;
    await client.fetchBlob(named(server), blob, new MemorySink());
    const blobRequest = `GET /v2/app/blobs/${blob.digest}`;
    const tokenRequest = 'GET /token?service=reg&scope=repository%3Aapp%3Apull';
    assert.deepEqual(server.requests, [
      blobRequest,
      tokenRequest,
      blobRequest,
      blobRequest,
      blobRequest,
      tokenRequest,
      blobRequest,
    ]);
  });

  it('are replaced once when the registry refuses one before its time', async (context) => {
    let current = 'one';
    const server = await serve(
      context,
      protectedBy(
        (_, response) => response.end(JSON.stringify({ access_token: current })),
        () => `Bearer ${current}`,
      ),
    );
    const client = impatientClient(context);
    await client.fetchBlob(named(server), blob, new MemorySink());
    current = 'two';
    await client.fetchBlob(named(server), blob, new MemorySink());
    assert.equal(server.requests.filter((request) => request.includes('/token')).length, 2);
  });

  it('are bought with a password, or with an identity token', async (context) => {
    const server = await serve(
      context,
      protectedBy((request, response) => {
        const bodies: Buffer[] = [];
        request.on('data', (data: Buffer) => bodies.push(data));
        request.on('end', () => {
          const form = new URLSearchParams(Buffer.concat(bodies).toString());
          const basic = `Basic ${Buffer.from(`me:${secret}`).toString('base64')}`;
          const allowed = request.headers.authorization === basic || form.get('refresh_token') === secret;
          if (allowed) response.end(JSON.stringify({ token: 'valid' }));
          else response.writeHead(401).end();
        });
      }),
    );
    for (const auth of [
      { username: 'me', password: secret },
      { auth: Buffer.from(`me:${secret}`).toString('base64') },
      { identitytoken: secret },
      { registrytoken: 'valid' },
    ])
      await impatientClient(context).fetchBlob(named(server), blob, new MemorySink(), { auth });
    assert.deepEqual(
      server.requests.filter((request) => request.includes('/token')),
      [
        'GET /token?service=reg&scope=repository%3Aapp%3Apull&account=me',
        'GET /token?service=reg&scope=repository%3Aapp%3Apull&account=me',
        'POST /token',
      ],
    );
  });

  it('that are refused say so in Docker’s words, without the secret', async (context) => {
    const server = await serve(
      context,
      protectedBy((_, response) =>
        response.writeHead(401).end(JSON.stringify({ details: 'incorrect username or password' })),
      ),
    );
    const fetch = (auth: object): Promise<void> =>
      impatientClient(context).fetchBlob(named(server), blob, new MemorySink(), { auth });
    await assert.rejects(fetch({ username: 'me', password: secret }), (error: Error) => {
      assert.equal(error.message, 'unauthorized: incorrect username or password');
      assert.doesNotMatch(JSON.stringify([error, error.stack]), new RegExp(secret));
      return true;
    });
    await assert.rejects(fetch({}), {
      kind: 'notFound',
      message: /^pull access denied for .*: denied: requested access/,
    });
  });

  it('are not bought from a host that a token server redirects to', async (context) => {
    const thief = await serve(context, (_, response) => response.end('{"token":"valid"}'));
    const server = await serve(
      context,
      protectedBy((_, response) => response.writeHead(307, { Location: `http://${thief.host}/` }).end()),
    );
    const auth = { identitytoken: secret };
    await assert.rejects(impatientClient(context).fetchBlob(named(server), blob, new MemorySink(), { auth }), {
      kind: 'unauthorized',
    });
    assert.deepEqual(thief.requests, []);
  });

  it('that do not grant the scope are a denial', async (context) => {
    const server = await serve(context, (request, response) => {
      const { host = '', authorization } = request.headers;
      if (request.url?.startsWith('/token') === true) return void response.end('{"token":"weak"}');
      const error = authorization === undefined ? '' : ',error="insufficient_scope"';
      response.setHeader('WWW-Authenticate', `Bearer realm="http://${host}/token"${error}`);
      return sendError(response, 401, 'UNAUTHORIZED', 'authentication required');
    });
    await assert.rejects(impatientClient(context).fetchBlob(named(server), blob, new MemorySink()), {
      kind: 'notFound',
      message:
        /repository does not exist or may require 'docker login': denied: requested access to the resource is denied$/,
    });
    assert.equal(server.requests.length, 3);
  });

  for (const answer of ['{"token":"a\\r\\nX: b"}', '{"token":7}', 'null', '<html>'])
    it(`must be usable: ${answer}`, async (context) => {
      const server = await serve(
        context,
        protectedBy((_, response) => response.end(answer)),
      );
      await assert.rejects(impatientClient(context).fetchBlob(named(server), blob, new MemorySink()), {
        kind: 'unavailable',
        message: /^the token server 127\.0\.0\.1:\d+ gave no usable token$/,
      });
    });
});

describe('basic challenges', () => {
  it('are answered with the password, or named when there is none', async (context) => {
    const server = await serve(context, (request, response) => {
      const expected = `Basic ${Buffer.from(`me:${secret}`).toString('base64')}`;
      if (request.headers.authorization === expected) response.end(text);
      else response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end();
    });
    const client = impatientClient(context);
    await client.fetchBlob(named(server), blob, new MemorySink(), { auth: { username: 'me', password: secret } });
    await assert.rejects(client.fetchBlob(named(server), blob, new MemorySink()), {
      kind: 'unauthorized',
      message: `Get "http://${server.host}/v2/": no basic auth credentials`,
    });
    const wrong = { username: 'me', password: 'wrong' };
    await assert.rejects(client.fetchBlob(named(server), blob, new MemorySink(), { auth: wrong }), {
      kind: 'unauthorized',
      message: 'unauthorized: authentication required',
    });
  });
});

describe('parseChallenges', () => {
  it('reads several challenges with quoted and bare values', () => {
    const header = 'Basic realm="a, \\"b\\"", Bearer Realm=x ,scope="repository:a:pull,push", Negotiate';
    assert.deepEqual(
      parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } })),
      [
        { scheme: 'basic', parameters: { realm: 'a, "b"' } },
        { scheme: 'bearer', parameters: { realm: 'x', scope: 'repository:a:pull,push' } },
        { scheme: 'negotiate', parameters: {} },
      ],
    );
    assert.deepEqual(parseChallenges('"'), []);
  });
});
