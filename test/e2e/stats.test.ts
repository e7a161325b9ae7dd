/** What a container uses, and what runs in it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { eventually } from '../support/run.ts';
import {
  api,
  background,
  docker,
  dockerInBackground,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
} from './harness.ts';

interface Sample {
  readonly name: string;
  readonly preread: string;
  readonly read: string;
  readonly pids_stats: { readonly current?: number; readonly limit?: number };
  readonly memory_stats: { readonly usage?: number; readonly limit?: number };
  readonly blkio_stats: { readonly io_service_bytes_recursive: unknown };
  readonly cpu_stats: { readonly online_cpus?: number };
  readonly precpu_stats: { readonly system_cpu_usage?: number };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
}

async function sampleOf(container: string, query = 'stream=false'): Promise<Sample> {
  const answer = await api('GET', `/containers/${container}/stats?${query}`);
  assert.equal(answer.status, 200);
  return answer.json() as Sample;
}

async function cpuPercent(container: string): Promise<number> {
  return Number.parseFloat(await stdoutOf(['stats', '--no-stream', '--format', '{{.CPUPerc}}', container]));
}

const isBetween = (value: number, least: number, most: number): boolean => value > least && value < most;

const never = '0001-01-01T00:00:00Z';
const spin = ['sh', '-c', 'while :; do :; done'];

suite('stats', { concurrency: 4 }, () => {
  test('shows limits, processes and the table of each container named', async (t) => {
    const name = await background(t, ['-m', '64m', '--pids-limit', '50'], 'sh', '-c', 'sleep 300 & wait');
    const stopped = reserve(t);
    await stdoutOf(['create', '--name', stopped, library('alpine'), 'true']);
    const [title = '', running = '', empty = ''] = (await stdoutOf(['stats', '--no-stream', name, stopped])).split(
      '\n',
    );
    assert.match(
      title,
      /^CONTAINER ID {3}NAME {2,}CPU % {5}MEM USAGE \/ LIMIT {3,}MEM % {5}NET I\/O {3,}BLOCK I\/O {3,}PIDS$/,
    );
    assert.match(running, new RegExp(`^[0-9a-f]{12} +${name} +[\\d.]+% +[\\d.]+[KM]iB / 64MiB +[\\d.]+% .* 2$`));
    assert.match(empty, new RegExp(`^[0-9a-f]{12} +${stopped} +0.00% +0B / 0B +0.00% +0B / 0B +0B / 0B +0$`));
    const sample = await sampleOf(name);
    assert.deepEqual(sample.pids_stats, { current: 2, limit: 50 });
    assert.equal(sample.memory_stats.limit, 64 * 2 ** 20);
  });

  test('counts the processor time of a busy loop, and of one that is held back', async (t) => {
    const held = await background(t, ['--cpus', '0.03'], ...spin);
    await eventually(
      'it has three hundredths of a processor',
      async () => isBetween(await cpuPercent(held), 0.3, 6),
      30_000,
    );
    // How much there is to have depends on what else this machine does.
    await stdoutOf(['update', '--cpus', '1', held]);
    await eventually('it has more, and at most one', async () => isBetween(await cpuPercent(held), 7, 115), 30_000);
  });

  test('counts what goes over the network of the container, and has none to count without one', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'until [ -e /go ]; do sleep 0.05; done; sleep 300');
    const gateway = await inspect(name, '{{.NetworkSettings.Networks.bridge.Gateway}}');
    const before = (await sampleOf(name, 'stream=false&one-shot=true')).networks?.['eth0'];
    await stdoutOf(['exec', name, 'ping', '-c', '3', '-s', '1000', gateway]);
    const after = (await sampleOf(name, 'stream=false&one-shot=true')).networks?.['eth0'];
    assert.ok((after?.tx_bytes ?? 0) >= (before?.tx_bytes ?? 0) + 3000, JSON.stringify([before, after]));
    // Of the answers one may be lost while the gateway is still being looked for; ping fails when none came.
    assert.ok((after?.rx_bytes ?? 0) >= (before?.rx_bytes ?? 0) + 1000, JSON.stringify([before, after]));
    for (const network of ['host', 'none']) {
      const other = await background(t, ['--network', network], 'sleep', '300');
      assert.equal((await sampleOf(other)).networks, undefined, network);
    }
  });

  test('has a sample before the one that is answered, unless asked for one shot', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const second = await sampleOf(name);
    assert.equal(second.name, `/${name}`);
    assert.ok(second.preread !== never && second.preread < second.read);
    assert.ok((second.precpu_stats.system_cpu_usage ?? 0) > 0 && (second.cpu_stats.online_cpus ?? 0) > 0);
    const first = await sampleOf(name, 'stream=false&one-shot=true');
    assert.equal(first.preread, never);
    assert.equal(first.precpu_stats.system_cpu_usage, undefined);
    assert.ok(Array.isArray(first.blkio_stats.io_service_bytes_recursive));
    assert.equal((await api('GET', `/containers/${name}/stats?one-shot=true`)).status, 400);
  });

  test('goes on while a container stops, starts and is removed', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const display = dockerInBackground(t, ['stats', '--format', '{{.Name}}={{.PIDs}}', name]);
    await display.until(({ stdout }) => stdout.includes(`${name}=1`));
    await stdoutOf(['kill', name]);
    await display.until(({ stdout }) => stdout.includes(`${name}=0`));
    await stdoutOf(['rm', name]);
    await display.until(({ stdout }) => stdout.includes(`${name}=--`));
  });

  test('of all containers takes in those that come and leaves out those that go', async (t) => {
    const display = dockerInBackground(t, ['stats', '--format', '<{{.Name}}>']);
    await eventually('it draws', () => display.stdout.includes('\u001B[J') || display.stdout.includes('\u001B[H'));
    const name = await background(t, [], 'sleep', '300');
    await display.until(({ stdout }) => stdout.includes(`<${name}>`));
    await stdoutOf(['rm', '-f', name]);
    const last = (): string => display.stdout.split('\u001B[H').slice(-3).join('');
    await eventually('it is left out', () => !last().includes(name));
  });

  test('of what there is not fails', async () => {
    assert.match(
      await failureOf(1, ['stats', '--no-stream', 'no-such-container']),
      /No such container: no-such-container/,
    );
    assert.equal((await api('GET', '/containers/no-such-container/stats')).status, 404);
  });
});

suite('top', { concurrency: 4 }, () => {
  test('shows the processes of the container alone, by the options of ps', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'sleep 301 & sleep 302 & wait');
    await eventually('all run', async () => (await stdoutOf(['top', name])).split('\n').length === 4);
    const [titles = '', ...rows] = (await stdoutOf(['top', name])).split('\n');
    assert.deepEqual(titles.split(/\s+/), ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    assert.equal(rows.filter((row) => /sleep 30[12]$/.test(row)).length, 2);
    const pid = await inspect(name, '{{.State.Pid}}');
    const chosen = (await stdoutOf(['top', name, '-o', 'pid,comm'])).split('\n').map((row) => row.split(/\s+/));
    assert.deepEqual(chosen.slice(0, 2), [
      ['PID', 'COMMAND'],
      [pid, 'sh'],
    ]);
    assert.match(await stdoutOf(['top', name, 'aux']), /%CPU +%MEM/);
  });

  test('says what ps complains of', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    assert.match(await failureOf(1, ['top', name, '-o', 'comm']), /Couldn't find PID field in ps output/);
    assert.match(await failureOf(1, ['top', name, '-o', 'nonsense']), /ps: error: unknown .*"nonsense"/);
    assert.match(await failureOf(1, ['top', name, '-o', 'pid,user=PID']), /specifying "pid,user=PID" is not allowed/);
    assert.equal((await api('GET', `/containers/${name}/top?ps_args=-o%20comm`)).status, 500);
  });

  test('needs a container that runs', async (t) => {
    const created = reserve(t);
    await stdoutOf(['create', '--name', created, library('alpine'), 'true']);
    assert.match(await failureOf(1, ['top', created]), /[Cc]ontainer [0-9a-f]{64} is not running/);
    const restarting = await background(t, ['--restart', 'always'], 'false');
    await eventually('it waits for its next start', async () => {
      const { stderr } = await docker(['top', restarting]);
      return /[Cc]ontainer [0-9a-f]{64} is restarting, wait until the container is running/.test(stderr);
    });
  });
});
