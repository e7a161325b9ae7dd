/** What a commit must not leave behind when the daemon dies in the middle of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import { Gantryd } from '../../support/daemon.ts';
import { request } from '../../support/http.ts';
import { describe, eventually, run, RunningProcess } from '../../support/run.ts';
import { engine, uniqueName } from '../harness.ts';

suite('commit', () => {
  let gantryd: Gantryd;

  before(async () => {
    gantryd = await new Gantryd({ mirror: engine().registry.url }).start();
    await client('pull', '-q', 'alpine');
  });

  after(async () => {
    assert.deepEqual(await gantryd.destroy(), []);
  });

  async function client(...args: string[]): Promise<string> {
    const result = await run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
    assert.equal(result.code, 0, `${describe(result)}\n${gantryd.log.slice(-2000)}`);
    return result.stdout.replace(/\n$/, '');
  }

  async function statusOf(name: string): Promise<string> {
    const answer = await request(gantryd.host, 'GET', `/containers/${name}/json`);
    return (answer.json() as { State: { Status: string } }).State.Status;
  }

  function partialFiles(): string[] {
    return readdirSync(path.join(gantryd.directory, 'data/content/ingest'));
  }

  test('a container that a commit has paused goes on when the daemon has died and come back', async () => {
    const name = uniqueName();
    // Large enough to be caught, and nothing on the disk.
    await client('run', '-d', '--name', name, 'alpine', 'sh', '-c', 'truncate -s 6G /large; touch /ready; sleep 300');
    await eventually('the file is there', async () => (await client('diff', name)).includes('/ready'));
    const commit = new RunningProcess(engine().client, ['commit', name, 'never'], {
      env: { DOCKER_HOST: gantryd.host },
    });
    await eventually('the commit has paused it', async () => {
      return (await statusOf(name)) === 'paused' && partialFiles().length > 0;
    });
    await gantryd.end('SIGKILL');
    assert.notEqual((await commit.ended).code, 0);
    await gantryd.start();
    assert.equal(await statusOf(name), 'running');
    assert.equal(await client('exec', name, 'echo', 'thawed'), 'thawed');
    assert.deepEqual(partialFiles(), []);
    assert.equal(await client('images', '-aq', 'never'), '');
    await client('exec', name, 'rm', '/large');
    await client('commit', name, 'now');
    assert.equal(await client('run', '--rm', 'now', 'ls', '/ready'), '/ready');
    await client('rm', '-f', name);
  });

  test('a container that a user has paused stays paused', async () => {
    const name = uniqueName();
    await client('run', '-d', '--name', name, 'alpine', 'sleep', '300');
    await client('pause', name);
    await client('commit', name, 'paused');
    await gantryd.end('SIGKILL');
    await gantryd.start();
    assert.equal(await statusOf(name), 'paused');
    await client('rm', '-f', name);
  });
});
