/** What a restart of the daemon, asked for or not, must not be noticed by: containers, their output, their end. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import { Gantryd } from '../../support/daemon.ts';
import { describe, eventually, must, run, RunningProcess } from '../../support/run.ts';
import { engine, uniqueName } from '../harness.ts';

suite('restart of the daemon', () => {
  let gantryd: Gantryd;
  let shared: string;

  before(async () => {
    shared = mkdtempSync(path.join(tmpdir(), 'gantry-restart-'));
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

  /** Starts a shell script in a container that sees the shared directory; gives its name. */
  async function begin(options: readonly string[], script: string): Promise<string> {
    const name = uniqueName();
    await client('run', '-d', '--name', name, '-v', `${shared}:/shared`, ...options, 'alpine', 'sh', '-c', script);
    return name;
  }

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    test(`a container lives through ${signal} of the daemon, and so does its output`, async () => {
      const mark = `${signal}-count`;
      const script = `i=0; until [ -e /shared/${signal}-end ]; do i=$((i+1)); echo "line $i"; echo $i > /shared/${mark}; sleep 0.02; done; exit 23`;
      const name = await begin([], script);
      const count = () =>
        existsSync(path.join(shared, mark)) ? Number(readFileSync(path.join(shared, mark), 'utf8')) : 0;
      await eventually('it counts', () => count() > 5);
      const pid = await client('inspect', '-f', '{{.State.Pid}}', name);
      await gantryd.end(signal);
      const then = count();
      await eventually('it counts on without a daemon', () => count() > then + 10);
      await gantryd.start();
      assert.equal(await client('inspect', '-f', '{{.State.Status}} {{.State.Pid}}', name), `running ${pid}`);
      assert.equal(await client('exec', name, 'echo', 'reached'), 'reached');
      writeFileSync(path.join(shared, `${signal}-end`), '');
      assert.equal(await client('wait', name), '23');
      const lines = (await client('logs', name)).split('\n');
      const whole = Array.from({ length: count() }, (_, index) => `line ${index + 1}`);
      const missing = whole.filter((line) => !lines.includes(line));
      assert.deepEqual(
        lines,
        whole.filter((line) => !missing.includes(line)),
      );
      // a daemon that is killed takes with it what it had read and not yet written: no more than the lines of that moment
      assert.ok(missing.length <= (signal === 'SIGKILL' ? 2 : 0), `missing: ${missing.join(', ')}`);
    });
  }

  test('an end that came while no daemon was there is known afterwards', async () => {
    const name = await begin([], 'until [ -e /shared/end-away ]; do sleep 0.02; done; echo last words; exit 7');
    const gone = await begin(['--rm'], 'until [ -e /shared/end-away ]; do sleep 0.02; done');
    const pid = await client('inspect', '-f', '{{.State.Pid}}', name);
    await gantryd.end('SIGKILL');
    writeFileSync(path.join(shared, 'end-away'), '');
    await eventually('it has ended', () => !existsSync(`/proc/${pid}/exe`));
    await gantryd.start();
    assert.equal(await client('wait', name), '7');
    assert.equal(await client('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', name), 'exited 7');
    assert.equal(await client('logs', name), 'last words');
    await eventually('--rm is honoured', async () => (await client('ps', '-aq', '--filter', `name=${gone}`)) === '');
    await client('start', name);
    assert.equal(await client('wait', name), '7');
  });

  test('stdin of a container goes on after the restart', async () => {
    const name = await begin(['-i'], 'while read line; do echo "got $line"; done; echo over');
    await gantryd.end('SIGKILL');
    await gantryd.start();
    const attached = new RunningProcess(engine().client, ['attach', name], { env: { DOCKER_HOST: gantryd.host } });
    attached.stdin.write('words\n');
    await attached.until(({ stdout }) => stdout === 'got words\n');
    attached.signal('SIGKILL');
    await client('kill', name);
  });

  test('a terminal goes on after the restart', async () => {
    const name = await begin(['-t'], 'until [ -e /shared/end-terminal ]; do sleep 0.02; done; tty; echo done');
    await gantryd.end('SIGKILL');
    await gantryd.start();
    writeFileSync(path.join(shared, 'end-terminal'), '');
    assert.equal(await client('wait', name), '0');
    assert.match(await client('logs', name), /^\/dev\/(pts\/\d+|console)\r\ndone\r$/);
  });

  test('addresses, names and states are as they were', async () => {
    const running = await begin([], 'sleep 300');
    const paused = await begin([], 'sleep 300');
    await client('pause', paused);
    const created = uniqueName();
    await client('create', '--name', created, 'alpine', 'echo', 'started late');
    const format = '{{.Name}} {{.State.Status}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    const look = () => client('inspect', '-f', format, running, paused, created);
    const earlier = await look();
    await gantryd.end('SIGTERM');
    await gantryd.start();
    assert.equal(await look(), earlier);
    const newcomer = await begin([], 'sleep 300');
    const addresses = await client(
      'inspect',
      '-f',
      '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
      running,
      paused,
      newcomer,
    );
    assert.equal(new Set(addresses.split('\n')).size, 3);
    assert.equal(await client('start', '-a', created), 'started late');
    await client('unpause', paused);
    await client('rm', '-f', running, paused, created, newcomer);
  });

  test('restart policies are kept: what was stopped stays down, unless it should always run', async () => {
    const policies = { always: 'running', 'unless-stopped': 'exited', 'on-failure': 'exited', no: 'exited' };
    const names = new Map<string, string>();
    for (const policy of Object.keys(policies)) names.set(policy, await begin(['--restart', policy], 'sleep 300'));
    const untouched = await begin(['--restart', 'unless-stopped'], 'sleep 300');
    const pid = Number(await client('inspect', '-f', '{{.State.Pid}}', untouched));
    await client('stop', '-t', '0', ...names.values());
    await gantryd.end('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await gantryd.start();
    const look = async () => client('inspect', '-f', '{{.State.Status}}', ...names.values(), untouched);
    const expected = [...Object.values(policies), 'running'].join('\n');
    await eventually('each is what its policy says', async () => (await look()) === expected);
    await client('rm', '-f', ...names.values(), untouched);
  });

  test('a container that waits for its restart does so over a restart of the daemon', async () => {
    const name = await begin(['--restart', 'always'], 'exit 3');
    const look = async () => client('inspect', '-f', '{{.State.Status}} {{.RestartCount}}', name);
    await eventually('it has failed often', async () => Number((await look()).split(' ')[1]) >= 3);
    await gantryd.end('SIGKILL');
    await gantryd.start();
    await eventually('it fails on', async () => Number((await look()).split(' ')[1]) >= 5);
    await client('stop', name);
    assert.match(await look(), /^exited /);
    await client('rm', name);
  });

  test('a container whose files do not go is dead, and goes with the next daemon', async () => {
    const name = uniqueName();
    await client('create', '--name', name, 'alpine', 'true');
    const id = await client('inspect', '-f', '{{.Id}}', name);
    const directory = path.join(gantryd.directory, 'data/containers', id);
    await must('mount', ['-t', 'tmpfs', 'none', directory]);
    const refused = await run(engine().client, ['rm', name], { env: { DOCKER_HOST: gantryd.host } });
    const dead = await run(engine().client, ['inspect', '-f', '{{.State.Status}} {{.State.Dead}}', name], {
      env: { DOCKER_HOST: gantryd.host },
    });
    await must('umount', [directory]);
    assert.match(refused.stderr, /failed to remove its files: .*EBUSY/);
    assert.equal(dead.stdout, 'dead true\n');
    assert.equal(await client('ps', '-aq', '--no-trunc', '--filter', 'status=dead'), id);
    assert.match(gantryd.log, /a container is dead.*EBUSY/);
    await gantryd.end('SIGTERM');
    await gantryd.start();
    assert.equal(await client('ps', '-aq', '--no-trunc', '--filter', `id=${id}`), '');
    assert.equal(existsSync(directory), false);
  });

  test('an exec does not outlive its container, and leaves nothing after a restart of the daemon', async () => {
    const name = await begin([], 'sleep 300');
    await client('exec', '-d', name, 'sleep', '4242');
    await gantryd.end('SIGKILL');
    await gantryd.start();
    assert.deepEqual(readdirSync(path.join(gantryd.directory, 'exec/execs')), []);
    assert.match(await client('top', name), /sleep 4242/);
    await client('rm', '-f', name);
    await eventually('it has ended', async () => !(await must('ps', ['-eo', 'args'])).includes('sleep 4242'));
  });

  test('a container that should always run is started again after a crash of everything', async () => {
    const name = await begin(['--restart', 'always'], 'sleep 300');
    const pid = await client('inspect', '-f', '{{.State.Pid}}', name);
    await gantryd.end('SIGKILL');
    process.kill(Number(pid), 'SIGKILL');
    await eventually('it has ended', () => !existsSync(`/proc/${pid}/exe`));
    await gantryd.start();
    await eventually('it runs again', async () => {
      const [status, now] = (await client('inspect', '-f', '{{.State.Status}} {{.State.Pid}}', name)).split(' ');
      return status === 'running' && now !== pid;
    });
    await client('rm', '-f', name);
  });
});
