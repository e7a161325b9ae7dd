/** What containers have because the daemon's configuration says so. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import { Gantryd } from '../../support/daemon.ts';
import { describe, run } from '../../support/run.ts';
import { engine, uniqueName } from '../harness.ts';

const configuration = {
  'default-ulimits': { nofile: { Name: 'nofile', Soft: 70, Hard: 80 }, core: { Name: 'core', Soft: 0, Hard: -1 } },
  'default-shm-size': '3m',
  'default-cgroupns-mode': 'private',
  init: true,
};

suite('the defaults of the daemon', { concurrency: 2 }, () => {
  let gantryd: Gantryd;
  let directory: string;

  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'gantry-defaults-'));
    const file = path.join(directory, 'daemon.json');
    writeFileSync(file, JSON.stringify(configuration));
    const extraArguments = ['--config-file', file];
    gantryd = await new Gantryd({ mirror: engine().registry.url, extraArguments }).start();
    await client('pull', '-q', 'alpine');
  });

  after(async () => {
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(await gantryd.destroy(), []);
  });

  async function client(...args: string[]): Promise<string> {
    const result = await run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
    assert.equal(result.code, 0, `${describe(result)}\n${gantryd.log.slice(-2000)}`);
    return result.stdout.replace(/\n$/, '');
  }

  const alpine = (options: readonly string[], script: string): Promise<string> =>
    client('run', '--rm', ...options, 'alpine', 'sh', '-c', script);

  test('are what a container has that says nothing', async () => {
    const output = await alpine(
      [],
      'ulimit -n; ulimit -Hn; ulimit -Hc; df -k /dev/shm | awk "NR > 1 { print \\$2 }"; cat /proc/1/comm; true',
    );
    assert.equal(output, '70\n80\nunlimited\n3072\ndocker-init');
    assert.match(await alpine([], 'cat /proc/self/cgroup'), /^(\d+:[^:]*:\/\n?)+$/);
  });

  test('give way to what a container says', async () => {
    const options = ['--ulimit', 'nofile=90:95', '--shm-size', '4m', '--init=false', '--cgroupns', 'host'];
    const output = await alpine(
      options,
      'ulimit -n; ulimit -Hc; df -k /dev/shm | awk "NR > 1 { print \\$2 }"; cat /proc/1/comm; true',
    );
    assert.equal(output, '90\nunlimited\n4096\nsh');
    assert.match(await alpine(options, 'cat /proc/self/cgroup'), /:\/.+\/[0-9a-f]{64}$/m);
  });

  test('are not shown as what was asked for', async () => {
    const name = uniqueName();
    await client('create', '--name', name, 'alpine');
    const shown = await client(
      'inspect',
      '--format',
      '{{json .HostConfig.Ulimits}} {{json .HostConfig.ShmSize}}',
      name,
    );
    assert.equal(shown, `[] ${3 * 2 ** 20}`);
    await client('rm', name);
  });

  test('a privileged container has all that the daemon may pass on, and the devices of the host', async () => {
    const output = await alpine(
      ['--privileged'],
      'grep ^CapBnd /proc/self/status; ls -d /dev/loop-control /dev/fuse 2>/dev/null; mount -t tmpfs none /tmp && echo mounted',
    );
    const own = (await run('grep', ['^CapBnd', '/proc/self/status'])).stdout.trim();
    const devices = ['/dev/fuse', '/dev/loop-control'].filter((device) => existsSync(device));
    assert.deepEqual(output.split('\n').sort(), [own, ...devices, 'mounted'].sort());
  });
});
