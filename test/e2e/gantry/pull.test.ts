/** Pulls over networks and from registries that misbehave, and what of them is kept. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import { pushLarge } from '../../fixtures/large.ts';
import { Gantryd } from '../../support/daemon.ts';
import { RegistryProxy } from '../../support/proxy.ts';
import { eventually, run, RunningProcess, type RunResult } from '../../support/run.ts';
import { engine, library, stdoutOf, uniqueName, variant } from '../harness.ts';

suite('pull', () => {
  let gantryd: Gantryd;
  let proxy: RegistryProxy;
  let digests: string[];

  before(async () => {
    digests = await pushLarge(engine().registry.url, 'test/large', {
      layers: 3,
      filesPerLayer: 200,
      fileBytes: 20_000,
    });
    proxy = await new RegistryProxy(engine().registry.url).start();
    gantryd = await new Gantryd().start();
  });

  after(async () => {
    const left = await gantryd.destroy();
    await proxy.stop();
    assert.deepEqual(left, []);
  });

  function client(...args: string[]): Promise<RunResult> {
    return run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
  }

  const large = () => `${proxy.host}/test/large`;

  /** As before the first pull: the image is gone, the proxy behaves and has seen nothing. */
  async function startOver(): Promise<void> {
    await client('rmi', '-f', large());
    proxy.fetched.length = 0;
    proxy.misbehave = () => undefined;
  }

  async function assertPulls(): Promise<void> {
    const result = await client('pull', large());
    assert.equal(result.code, 0, `${result.stderr}\n${gantryd.log.slice(-2000)}`);
    const layers = await client('image', 'inspect', '-f', '{{len .RootFS.Layers}}', large());
    assert.equal(layers.stdout, '3\n', layers.stderr);
  }

  test('two pulls of one image fetch every blob once', async () => {
    await startOver();
    const results = await Promise.all([client('pull', large()), client('pull', large())]);
    assert.deepEqual(
      results.map((result) => result.code),
      [0, 0],
    );
    assert.deepEqual(
      digests.map((digest) => proxy.fetchesOf(digest).length),
      [1, 1, 1],
    );
  });

  test('a transfer that breaks off goes on where it was', async () => {
    await startOver();
    const cut = new Set<string>();
    proxy.misbehave = ({ path }) => {
      if (cut.has(path)) return undefined;
      cut.add(path);
      return { cutAfterBytes: 1_000_000 };
    };
    await assertPulls();
    for (const digest of digests)
      assert.ok(
        proxy.fetchesOf(digest).some((fetch) => fetch.range !== undefined),
        'no range was asked for',
      );
  });

  test('bytes that are not those of the digest are refused, and nothing is kept of them', async () => {
    await startOver();
    proxy.misbehave = ({ path }) => (path.endsWith(digests[1] ?? '') ? { corrupt: true } : undefined);
    const result = await client('pull', large());
    assert.equal(result.code, 1);
    assert.match(result.stderr, /digest|verif|checksum/i);
    assert.equal((await client('image', 'inspect', large())).code, 1);
    proxy.misbehave = () => undefined;
    await assertPulls();
  });

  test('a pull that a crash of the daemon interrupts is resumed by the next', async () => {
    await startOver();
    const [slow = ''] = digests.slice(-1);
    proxy.misbehave = ({ path }) => (path.endsWith(slow) ? { hangAfterBytes: 1_000_000 } : undefined);
    const pull = new RunningProcess(engine().client, ['pull', large()], { env: { DOCKER_HOST: gantryd.host } });
    await pull.until(({ stdout }) => (stdout.match(/Download complete/g) ?? []).length >= 2);
    await eventually('the slow blob is on its way', () => proxy.fetchesOf(slow).length > 0);
    await gantryd.end('SIGKILL');
    await pull.ended;
    await gantryd.start();
    assert.equal((await client('images', '-q')).stdout, '');
    proxy.misbehave = () => undefined;
    proxy.fetched.length = 0;
    await assertPulls();
    assert.deepEqual(
      digests.map((digest) => proxy.fetchesOf(digest).length),
      [0, 0, 1],
      'whole blobs are not fetched again',
    );
  });

  test('a client that goes away ends its pull, and the next one finds what is there', async () => {
    await startOver();
    const [slow = ''] = digests.slice(-1);
    proxy.misbehave = ({ path }) => (path.endsWith(slow) ? { hangAfterBytes: 500_000 } : undefined);
    const pull = new RunningProcess(engine().client, ['pull', large()], { env: { DOCKER_HOST: gantryd.host } });
    await pull.until(({ stdout }) => (stdout.match(/Download complete/g) ?? []).length >= 2);
    pull.signal('SIGINT');
    await pull.ended;
    proxy.misbehave = () => undefined;
    await assertPulls();
  });

  test('zstd layers are unpacked', async () => {
    await stdoutOf(['pull', '-q', variant('zstd')]);
    const name = uniqueName();
    assert.match(await stdoutOf(['run', '--rm', '--name', name, variant('zstd'), 'cat', '/mark-zstd']), /^zstd /);
  });

  test('a mirror answers for Docker Hub, and the image has the short name', async () => {
    const name = uniqueName();
    assert.equal(await stdoutOf(['run', '--rm', '--name', name, 'alpine', 'echo', 'mirrored']), 'mirrored');
    assert.equal(await stdoutOf(['images', '--format', '{{.Repository}}:{{.Tag}}', 'alpine']), 'alpine:latest');
    await stdoutOf(['rmi', 'alpine']);
    assert.match(await stdoutOf(['images', '-q', library('alpine')]), /^[0-9a-f]{12}$/);
  });
});
