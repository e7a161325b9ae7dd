/** Limits and restart policies of containers that are there already, judged by what the containers can do then. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';

import { eventually } from '../support/run.ts';
import { api, background, docker, failureOf, inspect, library, release, reserve, stdoutOf } from './harness.ts';

/** Whether this machine has one hierarchy of control groups or several. */
const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
const files = isUnified
  ? { memory: 'memory.max', pids: 'pids.max', cpuset: 'cpuset.cpus', shares: 'cpu.weight' }
  : {
      memory: 'memory/memory.limit_in_bytes',
      pids: 'pids/pids.max',
      cpuset: 'cpuset/cpuset.cpus',
      shares: 'cpu/cpu.shares',
    };

/** A limit of a container as it sees it itself. */
function limitOf(container: string, what: keyof typeof files): Promise<string> {
  return stdoutOf(['exec', container, 'cat', `/sys/fs/cgroup/${files[what]}`]);
}

const update = (...args: string[]): Promise<string> => stdoutOf(['update', ...args]);

suite('update', { concurrency: 4 }, () => {
  test('changes the limits of a running container at once', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const limits = ['--memory', '64m', '--memory-swap', '128m', '--pids-limit', '20', '--cpu-shares', '512'];
    assert.equal(await update(...limits, '--cpuset-cpus', '0', name), name);
    assert.equal(await limitOf(name, 'memory'), String(64 * 2 ** 20));
    assert.equal(await limitOf(name, 'pids'), '20');
    assert.equal(await limitOf(name, 'cpuset'), '0');
    assert.equal(await limitOf(name, 'shares'), isUnified ? '20' : '512');
    assert.equal(await inspect(name, '{{.HostConfig.Memory}} {{.HostConfig.CpusetCpus}}'), `${64 * 2 ** 20} 0`);
    await update('--memory', '200m', '--memory-swap', '300m', name);
    await update('--memory', '32m', '--memory-swap', '48m', '--pids-limit', '-1', name);
    assert.equal(await limitOf(name, 'memory'), String(32 * 2 ** 20));
    assert.equal(await limitOf(name, 'pids'), 'max');
  });

  test('of memory ends what needs more, and says so', async (t) => {
    const script = 'until [ -e /go ]; do sleep 0.05; done; exec tail /dev/zero';
    const name = await background(t, [], 'sh', '-c', script);
    await update('--memory', '32m', '--memory-swap', '32m', name);
    await release(name);
    assert.equal(await stdoutOf(['wait', name]), '137');
    assert.equal(await inspect(name, '{{.State.OOMKilled}}'), 'true');
  });

  test('of pids keeps a container from more processes', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    await update('--pids-limit', '3', name);
    const { stderr } = await docker(['exec', name, 'sh', '-c', 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait']);
    assert.match(stderr, /can't fork/);
  });

  test('reaches a container that is stopped with its next start, and one that is paused', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--name', name, library('alpine'), 'sleep', '300']);
    await update('--pids-limit', '30', name);
    await stdoutOf(['start', name]);
    assert.equal(await limitOf(name, 'pids'), '30');
    await stdoutOf(['pause', name]);
    await update('--pids-limit', '40', name);
    await stdoutOf(['unpause', name]);
    assert.equal(await limitOf(name, 'pids'), '40');
    await stdoutOf(['restart', '-t', '0', name]);
    assert.equal(await limitOf(name, 'pids'), '40');
  });

  test('of the restart policy takes effect with the next end', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'until [ -e /go ]; do sleep 0.05; done; exit 3');
    await update('--restart', 'on-failure:2', name);
    await release(name);
    await eventually('it has been started twice', async () => {
      return (await inspect(name, '{{.RestartCount}} {{.State.Status}}')) === '2 exited';
    });
    const passing = await background(t, ['--rm'], 'sleep', '300');
    const refusal = await failureOf(1, ['update', '--restart', 'always', passing]);
    assert.match(
      refusal,
      /Cannot update container [0-9a-f]{64}: Restart policy cannot be updated because AutoRemove is/,
    );
  });

  test('calls off the restarts of a container that waits for one', async (t) => {
    const name = await background(t, ['--restart', 'always'], 'false');
    await eventually('it has been restarted', async () => Number(await inspect(name, '{{.RestartCount}}')) > 0);
    // Docker refuses it in the moment in which the container ends.
    await eventually('the policy is taken', async () => (await docker(['update', '--restart', 'no', name])).code === 0);
    await eventually('it stays ended', async () => (await inspect(name, '{{.State.Status}}')) === 'exited');
  });

  test('is refused as a whole by contradictions and by the kernel', async (t) => {
    const name = await background(t, ['--memory', '64m', '--memory-swap', '64m', '--cpus', '0.5'], 'sleep', '300');
    const refusals: [options: string[], text: RegExp][] = [
      [['--memory', '1m'], /Minimum memory limit allowed is 6MB/],
      [['--memory', '100m'], /Memory limit should be smaller than already set memoryswap limit, update the memoryswap/],
      [['--memory', '64m', '--memory-swap', '32m'], /Minimum memoryswap limit should be larger than memory limit/],
      [['--cpu-quota', '20000'], /Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set/],
      [['--cpus', '0.5', '--cpu-quota', '20000'], /Conflicting options: Nano CPUs and CPU Quota cannot both be set/],
      [['--cpus', '100000'], /[Rr]ange of CPUs is from 0.01 to \d+.00, as there are only \d+ CPUs available/],
      [['--cpuset-cpus', '4000'], /Requested CPUs are not available - requested 4000, available: /],
      [['--restart', 'sometimes'], /invalid restart policy/],
    ];
    for (const [options, text] of refusals) assert.match(await failureOf(1, ['update', ...options, name]), text);
    if (!isUnified) {
      const byKernel = await failureOf(1, ['update', '--pids-limit', '9', '--memory-swap', '32m', name]);
      assert.match(byKernel, /Cannot update container [0-9a-f]{64}: .*failed to write "33554432": .*invalid argument/);
    }
    const format =
      '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{json .HostConfig.PidsLimit}}';
    assert.equal(await inspect(name, format), `${64 * 2 ** 20} ${64 * 2 ** 20} 500000000 null`);
  });

  test('does what it can of several, tells of the rest, and is an event', async (t) => {
    const [first, second] = [await background(t, [], 'sleep', '300'), await background(t, [], 'sleep', '300')];
    const since = String(Math.floor(Date.now() / 1000) - 1);
    const result = await docker(['update', '--cpu-shares', '300', first, 'no-such-container', second]);
    assert.deepEqual([result.code, result.stdout], [1, `${first}\n${second}\n`]);
    assert.match(result.stderr, /No such container: no-such-container/);
    const events = ['events', '--since', since, '--until', String(Date.now() / 1000), '--format', '{{.Action}}'];
    assert.equal(await stdoutOf([...events, '--filter', `container=${second}`, '--filter', 'event=update']), 'update');
    assert.match(await failureOf(1, ['update', first]), /you must provide one or more flags when using this command/);
    const missing = await api('POST', '/containers/no-such-container/update', { body: {} });
    assert.equal(missing.status, 404);
  });
});
