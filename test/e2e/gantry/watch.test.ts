/** What a daemon's end must not take away: the health of containers that run on, and the events so far. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import { Gantryd } from '../../support/daemon.ts';
import { describe, eventually, run } from '../../support/run.ts';
import { engine, uniqueName } from '../harness.ts';

const often = ['--health-interval', '200ms'];

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { readonly Start: string }[];
}

suite('health and events over a restart of the daemon', () => {
  let gantryd: Gantryd;

  before(async () => {
    gantryd = await new Gantryd({ mirror: engine().registry.url }).start();
    await client('pull', '-q', 'alpine');
  });

  after(async () => {
    const ids = await client('ps', '-aq');
    if (ids !== '') await client('rm', '-fv', ...ids.split('\n'));
    assert.deepEqual(await gantryd.destroy(), []);
  });

  async function client(...args: string[]): Promise<string> {
    const result = await run(engine().client, args, { env: { DOCKER_HOST: gantryd.host } });
    assert.equal(result.code, 0, `${describe(result)}\n${gantryd.log.slice(-2000)}`);
    return result.stdout.replace(/\n$/, '');
  }

  async function begin(...options: string[]): Promise<string> {
    const name = uniqueName();
    await client('run', '-d', '--name', name, ...options, 'alpine', 'sleep', '300');
    return name;
  }

  async function healthOf(name: string): Promise<Health> {
    return JSON.parse(await client('inspect', '-f', '{{json .State.Health}}', name)) as Health;
  }

  const becomes = (name: string, status: string): Promise<Health> =>
    eventually(`${name} is ${status}`, async () => {
      const health = await healthOf(name);
      return health.Status === status && health;
    });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`health is kept over ${signal}, and probing goes on`, async () => {
      const well = await begin('--health-cmd', 'test ! -e /ill', '--health-retries', '1', ...often);
      const seldom = await begin('--health-cmd', 'true', '--health-interval', '1h');
      const paused = await begin('--health-cmd', 'true', ...often);
      await becomes(well, 'healthy');
      await becomes(paused, 'healthy');
      await client('pause', paused);
      // What a kill takes back is a second old at the most.
      const start = (await healthOf(well)).Log.at(-1)?.Start ?? '';
      await eventually(
        'a second passes',
        async () => Date.parse((await healthOf(well)).Log.at(-1)?.Start ?? '') > Date.parse(start) + 1500,
      );
      await gantryd.end(signal);
      await gantryd.start();
      assert.equal((await healthOf(well)).Status, 'healthy');
      assert.deepEqual(await healthOf(seldom), { Status: 'starting', FailingStreak: 0, Log: [] });
      const stays = await healthOf(paused);
      assert.equal(stays.Status, 'unhealthy');
      await client('exec', well, 'touch', '/ill');
      await becomes(well, 'unhealthy');
      assert.deepEqual(await healthOf(paused), stays);
      await client('unpause', paused);
      await becomes(paused, 'healthy');
    });

    test(`events of before ${signal} can be asked for`, async () => {
      const since = String(Date.now() / 1000 - 1);
      const name = await begin('--no-healthcheck');
      await client('rename', name, `${name}x`);
      await gantryd.end(signal);
      await gantryd.start();
      await client('kill', `${name}x`);
      await client('rm', `${name}x`);
      const window = [
        '--since',
        since,
        '--until',
        String(Math.ceil(Date.now() / 1000)),
        '--filter',
        `container=${name}`,
      ];
      const told = await client('events', ...window, '--format', '{{.Action}} {{.Actor.Attributes.name}}');
      assert.deepEqual(told.split('\n'), [
        `create ${name}`,
        `start ${name}`,
        `rename ${name}x`,
        `kill ${name}x`,
        `die ${name}x`,
        `destroy ${name}x`,
      ]);
    });
  }
});
