import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';

import { silentLogger } from '../../src/base/index.ts';
import { digestOf, mediaTypes, parseManifest, parseReference } from '../../src/oci/index.ts';
import type { Descriptor } from '../../src/oci/index.ts';
import { createRegistryClient } from '../../src/registry/index.ts';
import type { BlobSink } from '../../src/registry/index.ts';
import { startRegistry } from '../support/registry.ts';
import { must } from '../support/run.ts';

const layer = Buffer.alloc(3 * 1024 * 1024, 'layer ');
const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');

async function pushBlob(base: string, bytes: Buffer, mediaType: string): Promise<Descriptor> {
  const digest = digestOf(bytes);
  const upload = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(upload.headers.get('location') ?? '', base);
  location.searchParams.set('digest', digest);
  const headers = { 'Content-Type': 'application/octet-stream' };
  const stored = await fetch(location, { method: 'PUT', headers, body: new Uint8Array(bytes) });
  assert.equal(stored.status, 201);
  return { mediaType, digest, size: bytes.length };
}

async function pushImage(host: string): Promise<Buffer> {
  const base = `http://${host}/v2/team/app`;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: await pushBlob(base, config, mediaTypes.dockerConfig),
      layers: [await pushBlob(base, layer, mediaTypes.dockerLayer)],
    }),
  );
  const headers = { 'Content-Type': mediaTypes.dockerManifest };
  const stored = await fetch(`${base}/manifests/1`, { method: 'PUT', headers, body: new Uint8Array(manifest) });
  assert.equal(stored.status, 201);
  return manifest;
}

function memorySink(initial: Buffer): BlobSink & { bytes: () => Buffer } {
  let bytes = initial;
  return {
    offsetBytes: initial.length,
    write: (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      return Promise.resolve();
    },
    restart: () => Promise.reject(new Error('the registry knows ranges')),
    bytes: () => bytes,
  };
}

describe('a real registry', () => {
  it('serves an image, resumes a layer, and says what it does not have', async (context) => {
    const registry = await startRegistry();
    context.after(() => registry.stop());
    const { host } = registry;
    const manifest = await pushImage(host);
    const client = createRegistryClient({
      mirrors: [],
      insecureRegistries: [],
      userAgent: 'test',
      logger: silentLogger,
    });
    context.after(() => client.close());
    const reference = parseReference(`${host}/team/app:1`);

    const { descriptor, bytes } = await client.resolve(reference);
    assert.deepEqual(bytes, manifest);
    assert.equal(descriptor.mediaType, mediaTypes.dockerManifest);
    assert.deepEqual(await client.fetchManifest(reference, descriptor), manifest);

    const [wanted] = parseManifest(bytes).layers;
    assert.ok(wanted !== undefined);
    const sink = memorySink(layer.subarray(0, 1_000_001));
    await client.fetchBlob(reference, wanted, sink);
    assert.ok(sink.bytes().equals(layer));

    await assert.rejects(client.resolve(parseReference(`${host}/team/app:nope`)), {
      kind: 'notFound',
      message: `manifest for ${host}/team/app:nope not found: manifest unknown: manifest unknown`,
    });
    await assert.rejects(client.fetchBlob(reference, { digest: digestOf('x'), size: 1 }, memorySink(Buffer.alloc(0))), {
      kind: 'notFound',
      message: 'blob unknown: blob unknown to registry',
    });
  });
});

/** Serves one manifest over TLS with a certificate that nobody has signed; gives its port. */
async function serveUntrusted(context: TestContext): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-tls-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=test', '-keyout', key, '-out', cert];
  const [status] = (await once(spawn('openssl', request, { stdio: 'ignore' }), 'exit')) as [number];
  assert.equal(status, 0);
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) => {
    response.setHeader('Content-Type', mediaTypes.index);
    response.end('{"schemaVersion":2,"manifests":[]}');
  });
  server.listen(0);
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An address of this machine that is not one of loopback's, of the range for benchmarks (RFC 2544); gone after the test. */
async function addressElsewhere(context: TestContext): Promise<string> {
  const [third, fourth] = randomBytes(2);
  const address = `198.18.${third}.${fourth}`;
  await must('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
  context.after(() => must('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']));
  return address;
}

describe('a registry with an untrusted certificate', () => {
  it('is used on loopback and where it is allowed, and refused elsewhere', async (context) => {
    const port = await serveUntrusted(context);
    const address = await addressElsewhere(context);
    const clientFor = (...insecureRegistries: string[]) => {
      const client = createRegistryClient({ mirrors: [], insecureRegistries, userAgent: 'test', logger: silentLogger });
      context.after(() => client.close());
      return client;
    };
    const outside = parseReference(`${address}:${port}/app`);

    await clientFor().resolve(parseReference(`localhost:${port}/app`));
    await clientFor(`${address}/32`).resolve(outside);
    await clientFor(`${address}:${port}`).resolve(outside);
    await assert.rejects(clientFor('198.51.100.0/24').resolve(outside), {
      kind: 'unavailable',
      message: `Get "https://${address}:${port}/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      hint: 'Trust its certificate, or list the registry under insecure-registries.',
    });
  });
});
