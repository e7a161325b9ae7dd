/** Limits that were changed on a running container, and a daemon that is killed then. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import { Gantryd } from '../../support/daemon.ts';
import { describe, run } from '../../support/run.ts';
import { engine, uniqueName } from '../harness.ts';

suite('updates and a restart of the daemon', () => {
  let gantryd: Gantryd;

  before(async () => {
    gantryd = await new Gantryd({ mirror: engine().registry.url }).start();
    await client('pull', '-q', 'alpine');
  });

  after(async () => assert.deepEqual(await gantryd.destroy(), []));

  async function client(...args: string[]): Promise<string> {
    const result = await run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
    assert.equal(result.code, 0, `${describe(result)}\n${gantryd.log.slice(-2000)}`);
    return result.stdout.replace(/\n$/, '');
  }

  test('are kept, in force and watched over', async () => {
    const name = uniqueName();
    const script = 'until [ -e /go ]; do sleep 0.05; done; exec tail /dev/zero';
    await client('run', '-d', '--name', name, 'alpine', 'sh', '-c', script);
    await client('update', '--memory', '32m', '--memory-swap', '32m', '--pids-limit', '50', name);
    await gantryd.end('SIGKILL');
    await gantryd.start();
    const limits = '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}';
    assert.equal(await client('inspect', '-f', limits, name), `${32 * 2 ** 20} 50`);
    assert.match(await client('stats', '--no-stream', name), / \/ 32MiB /);
    await client('exec', name, 'touch', '/go');
    assert.equal(await client('wait', name), '137');
    assert.equal(await client('inspect', '-f', '{{.State.OOMKilled}}', name), 'true');
    await client('rm', name);
  });
});
