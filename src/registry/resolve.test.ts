import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';

import { digestOf, mediaTypes, parseReference } from '../oci/index.ts';
import type { Reference } from '../oci/index.ts';
import { impatientClient, sendError, serve } from './testServer.ts';
import type { Handler, TestServer } from './testServer.ts';

const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf('config'), size: 6 },
    layers: [],
  }),
);
const digest = digestOf(manifest);

function sendManifest(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'Content-Type': mediaTypes.manifest, 'Docker-Content-Digest': digest, ...headers });
  response.end(manifest);
}

const good: Handler = (_, response) => sendManifest(response);

function named(server: TestServer, rest = 'team/app:1'): Reference {
  return parseReference(`${server.host}/${rest}`);
}

describe('resolve', () => {
  it('gives a tag its digest, asking for every kind of manifest', async (context) => {
    const server = await serve(context, (request, response) => {
      for (const type of ['index', 'manifest', 'dockerManifest', 'dockerManifestList'] as const)
        assert.ok(request.headers.accept?.includes(mediaTypes[type]));
      sendManifest(response);
    });
    const { descriptor, bytes } = await impatientClient(context).resolve(named(server));
    assert.deepEqual(descriptor, { mediaType: mediaTypes.manifest, digest, size: manifest.length });
    assert.deepEqual(bytes, manifest);
    assert.deepEqual(server.requests, ['GET /v2/team/app/manifests/1']);
  });

  it('asks by digest where there is one, and takes nothing else', async (context) => {
    const server = await serve(context, good);
    const client = impatientClient(context);
    await client.resolve(named(server, `team/app:1@${digest}`));
    const other = digestOf('other');
    await assert.rejects(client.resolve(named(server, `team/app@${other}`)), {
      kind: 'invalid',
      message: `manifest verification failed for digest ${other}`,
    });
    assert.deepEqual(server.requests, [`GET /v2/team/app/manifests/${digest}`, `GET /v2/team/app/manifests/${other}`]);
  });

  const refused: readonly (readonly [what: string, handle: Handler, error: object])[] = [
    [
      'bytes that are not what the header promises',
      (_, response) => sendManifest(response, { 'Docker-Content-Digest': digestOf('x') }),
      { kind: 'invalid', message: `manifest verification failed for digest ${digestOf('x')}` },
    ],
    [
      'a type that contradicts the content',
      (_, response) => sendManifest(response, { 'Content-Type': mediaTypes.index }),
      { kind: 'invalid', message: /but served as/ },
    ],
    [
      'an endless manifest',
      (_, response) => {
        const more = (): void => {
          if (!response.destroyed) response.write(Buffer.alloc(256 * 1024), () => setImmediate(more));
        };
        more();
      },
      { kind: 'invalid', message: /is larger than the limit of 4194304 bytes/ },
    ],
    [
      'an unknown manifest, in Docker’s words',
      (_, response) => sendError(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
      {
        kind: 'notFound',
        message: /^manifest for 127\.0\.0\.1:\d+\/team\/app:1 not found: manifest unknown: manifest unknown$/,
      },
    ],
    [
      'an unknown repository',
      (_, response) => sendError(response, 404, 'NAME_UNKNOWN', 'repository name not known to registry'),
      {
        kind: 'notFound',
        message: /^repository 127\.0\.0\.1:\d+\/team\/app not found: name unknown: repository name not/,
      },
    ],
    [
      'a denial',
      (_, response) => sendError(response, 403, 'DENIED', ''),
      {
        kind: 'notFound',
        message:
          /^pull access denied for \S+\/team\/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied$/,
      },
    ],
    [
      'a 404 without an error document',
      (_, response) => response.writeHead(404).end('<html>'),
      { kind: 'notFound', message: /not found: manifest unknown: manifest unknown$/ },
    ],
    [
      'a redirect loop',
      (request, response) => response.writeHead(307, { Location: request.url }).end(),
      { kind: 'unavailable', message: /stopped after 10 redirects$/ },
    ],
    [
      'a redirect to a file',
      (_, response) => response.writeHead(302, { Location: 'file:///etc/passwd' }).end(),
      { kind: 'unavailable', message: /redirected to the unsupported scheme "file:"$/ },
    ],
    [
      'no HTTP at all',
      (_, response) => response.socket?.end('hello\r\n\r\n'),
      { kind: 'unavailable', message: /^Get "http:\/\/127\.0\.0\.1:\d+\/v2\/": / },
    ],
  ];
  for (const [what, handle, error] of refused)
    it(`refuses ${what}`, async (context) => {
      const server = await serve(context, handle);
      await assert.rejects(impatientClient(context).resolve(named(server)), error);
    });

  it('tries again after server errors and cut connections, with growing pauses', async (context) => {
    let count = 0;
    const server = await serve(context, (request, response) => {
      if (request.url === '/v2/') return response.end();
      count++;
      if (count === 1) return response.writeHead(503).end();
      if (count === 2) return response.socket?.destroy();
      if (count === 3)
        return void response.writeHead(200, { 'Content-Length': 999 }).write('{', () => response.destroy());
      return sendManifest(response);
    });
    const client = impatientClient(context, { limits: { backoffMs: 100 } });
    assert.equal((await client.resolve(named(server))).descriptor.digest, digest);
    assert.deepEqual(client.pauses, [100, 200, 400]);
  });

  it('gives up in the end, and says what came', async (context) => {
    const server = await serve(context, (_, response) => response.writeHead(502).end());
    const client = impatientClient(context, { limits: { attemptsMax: 3 } });
    await assert.rejects(client.resolve(named(server)), {
      kind: 'unavailable',
      message: 'received unexpected HTTP status: 502 Bad Gateway',
    });
    assert.equal(server.requests.length, 3);
  });

  it('waits as long as a 429 asks, but not for ever', async (context) => {
    let retryAfter = '7';
    const server = await serve(context, (request, response) => {
      if (request.url === '/v2/' || server.requests.length > 1) return sendManifest(response);
      response.setHeader('Retry-After', retryAfter);
      return sendError(response, 429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit.');
    });
    const client = impatientClient(context);
    await client.resolve(named(server));
    assert.deepEqual(client.pauses, [7000]);
    server.requests.length = 0;
    retryAfter = '3600';
    await assert.rejects(client.resolve(named(server)), {
      kind: 'unavailable',
      message: 'toomanyrequests: You have reached your pull rate limit.',
    });
    assert.deepEqual(client.pauses, [7000]);
  });

  it('gives up on a server that says nothing', async (context) => {
    const server = await serve(context, () => {});
    const client = impatientClient(context, { limits: { idleTimeoutMs: 20, attemptsMax: 2 } });
    await assert.rejects(client.resolve(named(server)), { kind: 'unavailable', message: /i\/o timeout$/ });
  });

  it('ends at once when the caller gives up', async (context) => {
    const abort = new AbortController();
    const server = await serve(context, (request, response) => {
      if (request.url === '/v2/') response.end();
      else abort.abort();
    });
    await assert.rejects(impatientClient(context).resolve(named(server), { signal: abort.signal }), {
      kind: 'cancelled',
    });
  });

  it('words an unreachable registry as Docker does', async (context) => {
    const server = await serve(context, good);
    const closed = await new Promise<string>((resolve) => {
      const { host } = server;
      resolve(host.replace(/\d+$/, '1'));
    });
    await assert.rejects(impatientClient(context).resolve(parseReference(`${closed}/app`)), {
      kind: 'unavailable',
      message: `Get "http://${closed}/v2/": dial tcp ${closed}: connect: connection refused`,
    });
  });
});

describe('mirrors', () => {
  it('serve Docker Hub’s images under their full name, below the mirror’s path', async (context) => {
    const server = await serve(context, good);
    const client = impatientClient(context, { mirrors: [`http://${server.host}/hub/`] });
    await client.resolve(parseReference('alpine'), { auth: { username: 'me', password: 'secret' } });
    assert.deepEqual(server.requests, ['GET /hub/v2/library/alpine/manifests/latest']);
  });

  it('are passed over when they fail, and never see credentials', async (context) => {
    const seen: (string | undefined)[] = [];
    const challenge: Handler = (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end();
    };
    const first = await serve(context, challenge);
    const second = await serve(context, good);
    const client = impatientClient(context, { mirrors: [`http://${first.host}`, `http://${second.host}`] });
    const { descriptor } = await client.resolve(parseReference('alpine'), { auth: { username: 'a', password: 'b' } });
    assert.equal(descriptor.digest, digest);
    assert.deepEqual(seen, [undefined]);
  });

  it('must be http or https URLs without credentials', (context) => {
    for (const mirror of ['mirror.example', 'ftp://m', 'https://user:secret@m/', 'https://m/?a=b'])
      assert.throws(() => impatientClient(context, { mirrors: [mirror] }), {
        kind: 'invalid',
        message: /^invalid mirror/,
      });
  });
});

describe('fetchManifest', () => {
  it('verifies digest and size', async (context) => {
    const server = await serve(context, good);
    const client = impatientClient(context);
    const reference = named(server);
    assert.deepEqual(await client.fetchManifest(reference, { digest, size: manifest.length }), manifest);
    for (const wrong of [
      { digest, size: 3 },
      { digest: digestOf('x'), size: manifest.length },
    ])
      await assert.rejects(client.fetchManifest(reference, wrong), { kind: 'invalid', message: /verification failed/ });
  });
});
