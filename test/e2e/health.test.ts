import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';

import { eventually } from '../support/run.ts';
import { api, apiVersionFrom, background, docker, inspect, library, reserve, stdoutOf, variant } from './harness.ts';

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly {
    readonly Start: string;
    readonly End: string;
    readonly ExitCode: number;
    readonly Output: string;
  }[];
}

const often = ['--health-interval', '200ms'];

async function healthOf(container: string): Promise<Health> {
  return JSON.parse(await inspect(container, '{{json .State.Health}}')) as Health;
}

async function becomes(container: string, status: string): Promise<Health> {
  return eventually(`${container} is ${status}`, async () => {
    const health = await healthOf(container);
    return health.Status === status && health;
  });
}

/** A container of the image with a health check of its own; gives its name. */
async function checked(t: TestContext, ...options: string[]): Promise<string> {
  const name = reserve(t);
  await stdoutOf(['run', '-d', '--name', name, ...options, variant('health')]);
  return name;
}

async function statusOf(name: string): Promise<string> {
  return stdoutOf(['ps', '-a', '--filter', `name=${name}`, '--format', '{{.Status}}']);
}

suite('health checks', { concurrency: 3 }, () => {
  test("an image's check makes a container unhealthy, healthy and unhealthy again", async (t) => {
    await stdoutOf(['pull', '-q', variant('health')]);
    const name = await checked(t);
    assert.match(await statusOf(name), /^Up .* \((health: starting|unhealthy)\)$/);
    const sick = await becomes(name, 'unhealthy');
    assert.ok(sick.FailingStreak >= 2);
    assert.deepEqual([sick.Log[0]?.ExitCode, sick.Log[0]?.Output], [1, 'looked\n']);
    assert.ok((sick.Log[0]?.Start ?? '') < (sick.Log[0]?.End ?? ''));
    assert.match(await statusOf(name), /^Up .* \(unhealthy\)$/);
    await stdoutOf(['exec', name, 'touch', '/well']);
    assert.equal((await becomes(name, 'healthy')).FailingStreak, 0);
    assert.match(await statusOf(name), /^Up .* \(healthy\)$/);
    const listed = (filter: string) =>
      stdoutOf(['ps', '-q', '--filter', `name=${name}`, '--filter', `health=${filter}`]);
    assert.notEqual(await listed('healthy'), '');
    assert.equal(await listed('unhealthy'), '');
    assert.equal(await listed('none'), '');
    await eventually('five results are kept', async () => (await healthOf(name)).Log.length === 5);
    await stdoutOf(['exec', name, 'rm', '/well']);
    await becomes(name, 'unhealthy');
    const window = ['--since', `${Math.floor(Date.now() / 1000) - 60}`, '--until', `${Math.ceil(Date.now() / 1000)}`];
    const seen = await stdoutOf([
      'events',
      ...window,
      '--filter',
      `container=${name}`,
      '--filter',
      'event=health_status',
      '--format',
      '{{.Action}}',
    ]);
    assert.deepEqual(seen.split('\n').slice(0, 3), [
      'health_status: unhealthy',
      'health_status: healthy',
      'health_status: unhealthy',
    ]);
  });

  test('the options complete and replace the check of the image', async (t) => {
    await stdoutOf(['pull', '-q', variant('health')]);
    const name = await checked(t, '--health-retries', '7');
    assert.deepEqual(JSON.parse(await inspect(name, '{{json .Config.Healthcheck}}')), {
      Test: ['CMD-SHELL', 'echo looked; test -e /well'],
      Interval: 200_000_000,
      Retries: 7,
    });
    const none = await checked(t, '--no-healthcheck');
    assert.match(await statusOf(none), /^Up [^()]*$/);
    assert.equal(await inspect(none, '{{json .State.Health}}'), 'null');
    const own = await checked(t, '--health-cmd', 'echo $$ mine', '--health-timeout', '5s');
    assert.match((await becomes(own, 'healthy')).Log[0]?.Output ?? '', /^\d+ mine\n$/);
  });

  test('output, exit code, a program that is not there and a time that is over', async (t) => {
    const long = await background(t, ['--health-cmd', 'yes 0123456789 | head -c 5000', ...often], 'sleep', '300');
    const slow = await background(
      t,
      ['--health-cmd', 'echo begun; exec sleep 300', '--health-timeout', '300ms', '--health-retries', '1', ...often],
      'sleep',
      '301',
    );
    const odd = await background(t, ['--health-cmd', 'exit 42', '--health-retries', '1', ...often], 'sleep', '300');
    const output = (await becomes(long, 'healthy')).Log[0]?.Output ?? '';
    assert.equal(output.length, 4099);
    assert.ok(output.endsWith('3...'));
    const over = (await becomes(slow, 'unhealthy')).Log[0];
    assert.equal(over?.ExitCode, -1);
    // What it had said so far is newer than the oldest daemons.
    assert.match(over?.Output ?? '', /^Health check exceeded timeout \(300ms\)(: begun\n)?$/);
    await eventually('the probes are killed, so that they do not pile up', async () => {
      const { stdout } = await docker(['exec', slow, 'ps', '-o', 'args']);
      return stdout.split('\n').filter((line) => line === 'sleep 300').length <= 1;
    });
    assert.equal((await becomes(odd, 'unhealthy')).Log[0]?.ExitCode, 42);
    const missing = reserve(t);
    const body = {
      Image: library('alpine'),
      Cmd: ['sleep', '300'],
      Healthcheck: { Test: ['CMD', '/no/such'], Interval: 200_000_000, Retries: 1 },
    };
    assert.equal((await api('POST', `/containers/create?name=${missing}`, { body })).status, 201);
    await stdoutOf(['start', missing]);
    const refused = (await becomes(missing, 'unhealthy')).Log[0];
    assert.equal(refused?.ExitCode, -1);
    assert.match(refused?.Output ?? '', /\/no\/such.*no such file or directory/);
  });

  test('nothing is probed while a container is paused or stopped, and a start begins anew', async (t) => {
    const name = await background(t, ['--stop-signal', 'KILL', '--health-cmd', 'true', ...often], 'sleep', '300');
    await becomes(name, 'healthy');
    await stdoutOf(['pause', name]);
    const paused = await healthOf(name);
    assert.equal(paused.Status, 'unhealthy');
    assert.match(await statusOf(name), /\(Paused\)$/);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual(await healthOf(name), paused);
    await stdoutOf(['unpause', name]);
    await becomes(name, 'healthy');
    await stdoutOf(['stop', name]);
    const stopped = await healthOf(name);
    assert.equal(stopped.Status, 'unhealthy');
    assert.match(await statusOf(name), /^Exited \(137\) [^()]*$/);
    await stdoutOf(['start', name]);
    const last = stopped.Log.at(-1)?.End ?? '';
    const again = await becomes(name, 'healthy');
    assert.ok((again.Log.at(-1)?.Start ?? '') > last);
  });

  test('failures of the start period do not count', async (t) => {
    const quick = (await apiVersionFrom(1.44)) ? ['--health-start-interval', '200ms'] : [];
    const name = await background(
      t,
      ['--health-cmd', 'test -e /go', '--health-retries', '1', '--health-start-period', '1h', ...quick, ...often],
      'sleep',
      '300',
    );
    await eventually('it has failed', async () => (await healthOf(name)).Log.length >= 2);
    const { Status: status, FailingStreak: streak } = await healthOf(name);
    assert.deepEqual([status, streak], ['starting', 0]);
    assert.match(await statusOf(name), /\(health: starting\)$/);
    await stdoutOf(['exec', name, 'touch', '/go']);
    await becomes(name, 'healthy');
    await stdoutOf(['exec', name, 'rm', '/go']);
    await becomes(name, 'unhealthy');
  });

  test('a check that cannot be right is refused', async () => {
    const cases: [object, RegExp][] = [
      [{ Interval: 999_999 }, /Interval in Healthcheck cannot be less than 1ms/],
      [{ Timeout: -1 }, /Timeout in Healthcheck cannot be less than 1ms/],
      [{ StartPeriod: 1 }, /StartPeriod in Healthcheck cannot be less than 1ms/],
      [{ Retries: -1 }, /Retries in Healthcheck cannot be negative/],
    ];
    for (const [Healthcheck, message] of cases) {
      const answer = await api('POST', '/containers/create', { body: { Image: library('alpine'), Healthcheck } });
      assert.equal(answer.status, 400);
      assert.match(answer.text, message);
    }
    const { code, stderr } = await docker(['create', '--no-healthcheck', '--health-cmd', 'true', library('alpine')]);
    assert.equal(code, 125);
    assert.match(stderr, /--no-healthcheck conflicts with --health-\* options/);
  });
});
