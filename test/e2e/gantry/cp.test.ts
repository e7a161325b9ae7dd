/** Copies where Gantry does more than Docker, or says it better. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { packTar } from '../../../src/base/index.ts';
import { eventually } from '../../support/run.ts';
import { api, background, docker, dockerInBackground, failureOf, stdoutOf } from '../harness.ts';

function fileOf(t: TestContext, content: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'gantry-cp-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(path.join(directory, 'f'), content);
  return path.join(directory, 'f');
}

suite('cp of Gantry', { concurrency: 3 }, () => {
  test('a running container’s tmpfs is seen, and its kernel file systems are left alone', async (t) => {
    const file = fileOf(t, 'x');
    const name = await background(t, ['--tmpfs', '/scratch'], 'sleep', '300');
    await stdoutOf(['cp', file, `${name}:/scratch/`]);
    assert.equal(await stdoutOf(['exec', name, 'cat', '/scratch/f']), 'x');
    await stdoutOf(['cp', `${name}:/scratch/f`, `${file}.back`]);
    assert.equal(readFileSync(`${file}.back`, 'utf8'), 'x');
    for (const place of ['/proc', '/sys/fs', '/proc/sys/kernel'])
      assert.match(await failureOf(1, ['cp', file, `${name}:${place}/`]), /kernel's state|Could not find/, place);
    await stdoutOf(['cp', `${name}:/proc`, `${file}.proc`]);
    assert.equal(existsSync(`${file}.proc/version`), false);
  });

  test('with -a what is copied belongs to the user of the container, by its own user database', async (t) => {
    const name = await background(t, ['-u', 'worker'], 'sleep', '300');
    const archive = packTar([{ path: 'f', uid: 7, gid: 8, content: 'x' }]);
    await stdoutOf(['cp', '-a', '-', `${name}:/tmp`], { input: archive });
    assert.equal(await stdoutOf(['exec', name, 'stat', '-c', '%U', '/tmp/f']), 'worker');
    await stdoutOf(['kill', name]);
    await stdoutOf(['cp', '-', `${name}:/tmp`], { input: archive });
    await stdoutOf(['start', name]);
    assert.equal(await stdoutOf(['exec', name, 'stat', '-c', '%u:%g', '/tmp/f']), '7:8');
  });

  test('a copy is announced, one that is refused is not', async (t) => {
    const file = fileOf(t, 'x');
    const name = await background(t, [], 'sleep', '300');
    const listener = dockerInBackground(t, ['events', '--filter', `container=${name}`, '--format', '{{.Action}}']);
    await eventually('the listener hears', async () => {
      await docker(['top', name]);
      return listener.stdout.includes('top');
    });
    await stdoutOf(['cp', file, `${name}:/f`]);
    await failureOf(1, ['cp', file, `${name}:/missing/f`]);
    await stdoutOf(['cp', `${name}:/f`, `${file}.back`]);
    await eventually('both are told', () => listener.stdout.includes('archive-path'));
    const told = listener.stdout.split('\n').filter((action) => action !== 'top' && action !== '');
    assert.deepEqual(told, ['extract-to-dir', 'archive-path']);
  });

  test('refusals have the statuses of the API', async (t) => {
    const name = await background(t, ['--read-only'], 'sleep', '300');
    const statusOf = async (method: string, query: string): Promise<number> =>
      (await api(method, `/containers/${name}/archive?${query}`, { body: method === 'PUT' ? '' : undefined })).status;
    assert.equal(await statusOf('PUT', 'path=/tmp'), 403);
    assert.equal(await statusOf('PUT', 'path=/etc/passwd'), 400);
    assert.equal(await statusOf('PUT', 'path=/none'), 404);
    assert.equal(await statusOf('GET', 'path=/none'), 404);
    assert.equal(await statusOf('HEAD', 'path=/etc/passwd/'), 400);
    assert.equal(await statusOf('HEAD', ''), 400);
  });
});
