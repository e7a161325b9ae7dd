/** What Gantry promises of logs beyond Docker: nothing is lost or doubled by rotations, or by a restart of the daemon. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import { Gantryd } from '../../support/daemon.ts';
import { describe, eventually, run, RunningProcess } from '../../support/run.ts';
import { engine, uniqueName } from '../harness.ts';

const drivers = ['json-file', 'local'];

function numbers(text: string): number[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => Number.parseInt(line, 10));
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

suite('logs that are Gantry’s', () => {
  let gantryd: Gantryd;
  let shared: string;

  before(async () => {
    shared = mkdtempSync(path.join(tmpdir(), 'gantry-logs-'));
    gantryd = await new Gantryd({ mirror: engine().registry.url }).start();
    await client('pull', '-q', 'alpine');
  });

  after(async () => {
    const ids = await client('ps', '-aq');
    if (ids !== '') await client('rm', '-fv', ...ids.split('\n'));
    const left = await gantryd.destroy();
    rmSync(shared, { recursive: true, force: true });
    assert.deepEqual(left, []);
  });

  async function client(...args: string[]): Promise<string> {
    const result = await run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
    assert.equal(result.code, 0, `${describe(result)}\n${gantryd.log.slice(-2000)}`);
    return result.stdout.replace(/\n$/, '');
  }

  function follow(...args: string[]): RunningProcess {
    return new RunningProcess(engine().client, ['logs', '-f', ...args], { env: { DOCKER_HOST: gantryd.host } });
  }

  /** Starts a shell script in a container that sees the shared directory; gives its name. */
  async function begin(options: readonly string[], script: string): Promise<string> {
    const name = uniqueName();
    await client('run', '-d', '--name', name, '-v', `${shared}:/shared`, ...options, 'alpine', 'sh', '-c', script);
    return name;
  }

  for (const driver of drivers) {
    for (const compress of ['false', 'true']) {
      test(`logs -f misses nothing across rotations, ${driver}, compress=${compress}`, async () => {
        const script =
          'i=0; pad=$(head -c 500 /dev/zero | tr "\\0" x); while [ $i -lt 300 ]; do i=$((i+1)); echo "$i $pad"; done';
        const options = Object.entries({ 'max-size': '16k', 'max-file': '3', compress }).flatMap(([key, value]) => [
          '--log-opt',
          `${key}=${value}`,
        ]);
        const start = `/shared/start-${driver}-${compress}`;
        const wait = `until [ -e ${start} ]; do sleep 0.02; done`;
        const name = await begin(['--log-driver', driver, ...options], `echo 0; ${wait}; ${script}`);
        const follower = follow(name);
        await follower.until(({ stdout }) => stdout === '0\n');
        writeFileSync(path.join(shared, path.basename(start)), '');
        const { stdout } = await follower.ended;
        assert.deepEqual(numbers(stdout), [0, ...upTo(300)]);
      });
    }

    test(`a log goes on where it was after a restart of the daemon, ${driver}`, async () => {
      const stop = path.join(shared, `stop-${driver}`);
      const script = `i=0; until [ -e /shared/stop-${driver} ]; do i=$((i+1)); echo $i; sleep 0.01; done`;
      const options = ['--log-driver', driver, '--log-opt', 'max-size=1k', '--log-opt', 'max-file=100'];
      const name = await begin(options, script);
      const before = follow('-t', name);
      await before.until(({ stdout }) => stdout.split('\n').length > 20);
      await gantryd.end('SIGTERM');
      await before.ended;
      await gantryd.start();
      const seen = before.stdout.split('\n').filter((line) => /^\S+ \d+$/.test(line));
      const [lastTime = '', last = ''] = seen.at(-1)?.split(' ') ?? [];
      const again = follow('--since', lastTime, name);
      await again.until(({ stdout }) => stdout.split('\n').length > 20);
      writeFileSync(stop, '');
      const { stdout } = await again.ended;
      const whole = numbers(await client('logs', name));
      assert.deepEqual(whole, upTo(whole.length), 'each line is there, once');
      assert.deepEqual(
        seen.map((line) => Number(line.split(' ')[1])),
        upTo(Number(last)),
      );
      const continued = numbers(stdout).filter((number) => number > Number(last));
      assert.deepEqual(continued, upTo(whole.length).slice(Number(last)));
    });
  }

  test('a line of 40,000 bytes comes whole from the driver local', async () => {
    const name = await begin(['--log-driver', 'local'], 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo next');
    await client('wait', name);
    const log = await client('logs', name);
    assert.ok(log === `${'x'.repeat(40_000)}\nnext`, `${log.length} bytes`);
  });

  test('logs -f --until ends when the moment has passed, without a later line', async () => {
    const name = await begin([], 'echo early; sleep 600');
    const { stdout, code } = await follow('--until', '-1s', name).ended;
    assert.deepEqual([stdout, code], ['early\n', 0]);
    assert.equal(await client('inspect', '-f', '{{.State.Running}}', name), 'true');
    await client('rm', '-f', name);
  });

  test('a copy of what syslog got is removed with its container', async () => {
    const name = await begin(
      ['--log-driver', 'syslog', '--log-opt', 'syslog-address=udp://127.0.0.1:9', '--log-opt', 'cache-max-size=1k'],
      'seq 1 300',
    );
    await client('wait', name);
    await eventually('it can be read', async () => (await client('logs', '-n', '1', name)) === '300');
    const hosts = await client('inspect', '-f', '{{.HostsPath}}', name);
    assert.ok(existsSync(path.dirname(hosts)));
    await client('rm', name);
    await eventually('the directory has gone', () => !existsSync(path.dirname(hosts)));
  });

  test('a driver of Docker’s that is not there says so', async () => {
    const args = ['create', '--log-driver', 'fluentd', 'alpine'];
    const result = await run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /the log driver 'fluentd' is not implemented/);
    const plugins = (await client('info', '--format', '{{.Plugins.Log}}')).slice(1, -1);
    assert.deepEqual(plugins.split(' '), ['journald', 'json-file', 'local', 'syslog']);
  });
});
