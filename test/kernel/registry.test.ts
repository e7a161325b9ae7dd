import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { silentLogger } from '../../src/base/index.ts';
import { digestOf, mediaTypes, parseManifest, parseReference } from '../../src/oci/index.ts';
import type { Descriptor } from '../../src/oci/index.ts';
import { createRegistryClient } from '../../src/registry/index.ts';
import type { BlobSink } from '../../src/registry/index.ts';

const startTimeoutMs = 10_000;
const layer = Buffer.alloc(3 * 1024 * 1024, 'layer ');
const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Debian's docker-registry on a free port with an empty store; ends with the test. */
async function startRegistry(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(directory, 'config.yml');
  const settings = { version: 0.1, log: { level: 'error' }, storage: { filesystem: { rootdirectory: directory } } };
  await writeFile(file, JSON.stringify({ ...settings, http: { addr: host } }));
  const registry = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const ended = new Promise((resolve) => registry.once('exit', resolve).once('error', resolve));
  context.after(async () => {
    registry.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  });
  await answers(host);
  return host;
}

async function answers(host: string): Promise<void> {
  for (const deadline = Date.now() + startTimeoutMs; ;) {
    const response = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (response?.ok === true) return;
    if (Date.now() > deadline) throw new Error('docker-registry did not start');
    await delay(20);
  }
}

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
    const host = await startRegistry(context);
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
