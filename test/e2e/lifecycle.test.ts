import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { eventually } from '../support/run.ts';
import {
  api,
  background,
  beginWait,
  docker,
  dockerInBackground,
  failureOf,
  inspect,
  library,
  release,
  reserve,
  stdoutOf,
  uniqueName,
} from './harness.ts';

/** The names that `ps` lists. */
async function listedNames(...options: string[]): Promise<string[]> {
  return (await stdoutOf(['ps', ...options, '--format', '{{.Names}}'])).split('\n');
}

const trapTerm = ['sh', '-c', 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done'];

async function ready(name: string): Promise<void> {
  await eventually(`${name} is ready`, async () => (await stdoutOf(['logs', name])).startsWith('ready'));
}

/** The milliseconds that something takes. */
async function timed(action: () => Promise<unknown>): Promise<number> {
  const begun = Date.now();
  await action();
  return Date.now() - begun;
}

suite('lifecycle', { concurrency: 4 }, () => {
  test('stop asks with SIGTERM and takes the answer', async (t) => {
    const name = await background(t, [], ...trapTerm);
    await ready(name);
    assert.equal(await stdoutOf(['stop', name]), name);
    assert.equal(await inspect(name, '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}}'), 'exited 7 false');
    assert.equal(await stdoutOf(['logs', name]), 'ready\nbye');
  });

  test('stop kills what does not listen when the grace is over', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const tookMs = await timed(() => stdoutOf(['stop', '-t', '1', name]));
    assert.ok(tookMs >= 1000, `${tookMs} ms`);
    assert.equal(await inspect(name, '{{.State.ExitCode}}'), '137');
  });

  test('stop uses the signal of the image or of --stop-signal', async (t) => {
    const script = 'trap "exit 21" USR1; echo ready; while :; do sleep 0.05; done';
    const name = await background(t, ['--stop-signal', 'SIGUSR1'], 'sh', '-c', script);
    await ready(name);
    await stdoutOf(['stop', name]);
    assert.equal(await inspect(name, '{{.State.ExitCode}}'), '21');
  });

  test('kill sends any signal by name or number', async (t) => {
    const script = 'trap "echo usr1" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.05; done';
    const name = await background(t, [], 'sh', '-c', script);
    await ready(name);
    for (const [signal, word] of [
      ['USR1', 'usr1'],
      ['SIGHUP', 'hup'],
      ['10', 'usr1'],
    ] as const) {
      const before = (await stdoutOf(['logs', name])).split(word).length;
      await stdoutOf(['kill', '-s', signal, name]);
      await eventually(`${signal} has come`, async () => (await stdoutOf(['logs', name])).split(word).length > before);
    }
    await stdoutOf(['kill', name]);
    await eventually('it has ended', async () => (await inspect(name, '{{.State.Status}}')) === 'exited');
    assert.equal(await inspect(name, '{{.State.ExitCode}} {{.State.OOMKilled}}'), '137 false');
    assert.match(await failureOf(1, ['kill', name]), /is not running/);
    assert.match(await failureOf(1, ['kill', '-s', 'NONSENSE', name]), /[Ii]nvalid signal: NONSENSE|is not running/);
  });

  test('restart ends it and starts it again', async (t) => {
    const name = await background(t, [], ...trapTerm);
    await ready(name);
    const first = await inspect(name, '{{.State.Pid}} {{.State.StartedAt}}');
    await stdoutOf(['restart', '-t', '2', name]);
    assert.notEqual(await inspect(name, '{{.State.Pid}} {{.State.StartedAt}}'), first);
    assert.equal(await inspect(name, '{{.State.Status}} {{.RestartCount}}'), 'running 0');
    await eventually('it runs anew', async () => (await stdoutOf(['logs', name])) === 'ready\nbye\nready');
  });

  test('pause freezes and unpause thaws', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'while :; do echo tick; sleep 0.05; done');
    await stdoutOf(['pause', name]);
    assert.equal(await inspect(name, '{{.State.Status}} {{.State.Paused}} {{.State.Running}}'), 'paused true true');
    assert.match(await stdoutOf(['ps', '--filter', `name=${name}`, '--format', '{{.Status}}']), /^Up .* \(Paused\)$/);
    const still = await stdoutOf(['logs', name]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await stdoutOf(['logs', name]), still);
    assert.match(await failureOf(1, ['pause', name]), /is already paused/);
    await stdoutOf(['unpause', name]);
    await eventually('it ticks again', async () => (await stdoutOf(['logs', name])).length > still.length);
    assert.match(await failureOf(1, ['unpause', name]), /is not paused/);
  });

  test('a paused container is killed and removed too', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    await stdoutOf(['pause', name]);
    await stdoutOf(['rm', '-f', name]);
  });

  test('a container that is killed for want of memory says so', async (t) => {
    const name = reserve(t);
    const result = await docker([
      'run',
      '--name',
      name,
      '-m',
      '32m',
      library('alpine'),
      'sh',
      '-c',
      'x=$(head -c 60000000 /dev/urandom | base64); echo $?',
    ]);
    assert.equal(result.code, 137);
    assert.equal(await inspect(name, '{{.State.OOMKilled}} {{.State.ExitCode}}'), 'true 137');
    const span = ['--since', '1h', '--until', '0s', '--filter', `container=${name}`];
    // the client counts `until` in whole seconds
    await eventually('its end is told', async () =>
      /\boom\b[^]*\bdie\b/.test(await stdoutOf(['events', ...span, '--format', '{{.Action}}'])),
    );
    await docker(['start', '-a', name]);
    await stdoutOf(['rm', name]);
  });

  test('a forced removal wins over those who start and kill the container meanwhile', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const id = await inspect(name, '{{.Id}}');
    const end = new AbortController();
    const disturb = async (what: string): Promise<void> => {
      while (!end.signal.aborted) await api('POST', `/containers/${id}/${what}`);
    };
    const others = ['start', 'start', 'kill'].map(disturb);
    try {
      assert.equal((await api('DELETE', `/containers/${id}?force=1`)).status, 204);
    } finally {
      end.abort();
    }
    await Promise.all(others);
    assert.equal((await api('GET', `/containers/${id}/json`)).status, 404);
  });

  test('rename frees the old name and takes the new one', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const other = reserve(t);
    await stdoutOf(['rename', name, other]);
    assert.equal(await inspect(other, '{{.Name}}'), `/${other}`);
    await failureOf(1, ['inspect', '--type', 'container', name]);
    const third = await background(t, [], 'sleep', '300');
    assert.match(
      await failureOf(1, ['rename', other, third]),
      /Error when allocating new name: Conflict\. The container name "\/.*" is already in use by container/,
    );
    assert.match(
      await failureOf(1, ['rename', other, 'bad name!']),
      /Error when allocating new name: Invalid container name \(\/bad name!\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/,
    );
  });

  test('rm refuses a running container; -f does not', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    assert.match(await failureOf(1, ['rm', name]), /cannot remove.*container.*(running|stop the container)/i);
    assert.equal(await stdoutOf(['rm', '-f', name]), name);
    assert.match(await failureOf(1, ['rm', name]), /No such container: /);
  });

  test('wait gives the status, now or when it comes', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'until [ -e /go ]; do sleep 0.05; done; exit 12');
    const waiting = stdoutOf(['wait', name]);
    await release(name);
    assert.equal(await waiting, '12');
    assert.equal(await stdoutOf(['wait', name]), '12');
  });

  test('wait for the removal is answered by it', async (t) => {
    const name = await background(t, ['--rm'], 'sleep', '300');
    const removal = await beginWait(name, 'removed');
    await stdoutOf(['kill', name]);
    assert.equal(((await removal.answer).json() as { StatusCode: number }).StatusCode, 137);
    await failureOf(1, ['inspect', '--type', 'container', name]);
  });

  test('top shows the processes of the container alone', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'sleep 301 & sleep 302; true');
    await eventually('both run', async () => /301[^]*302|302[^]*301/.test(await stdoutOf(['top', name])));
    const [head, ...rows] = (await stdoutOf(['top', name])).split('\n');
    assert.match(head ?? '', /^UID +PID +PPID +C +STIME +TTY +TIME +CMD/);
    assert.equal(rows.length, 3);
    assert.match(await stdoutOf(['top', name, '-o', 'pid,args']), /^PID +COMMAND/);
  });

  test('ps shows what runs, -a everything, -l the latest, -q ids', async (t) => {
    const running = await background(t, [], 'sleep', '300');
    const ended = reserve(t);
    await docker(['run', '--name', ended, library('alpine'), 'sh', '-c', 'exit 3']);
    const created = reserve(t);
    await stdoutOf(['create', '--name', created, library('alpine')]);
    const shown = await listedNames();
    assert.ok(shown.includes(running) && !shown.includes(ended) && !shown.includes(created));
    const all = await listedNames('-a');
    assert.ok([running, ended, created].every((name) => all.includes(name)));
    assert.deepEqual(await listedNames('-a', '--filter', `name=${ended}`), [ended]);
    assert.deepEqual(await listedNames('-a', '--filter', 'status=created', '--filter', `name=${created}`), [created]);
    assert.deepEqual(
      await listedNames('-a', '--filter', 'exited=3', '--filter', `name=${ended}`, '--filter', `name=${running}`),
      [ended],
    );
    assert.match(
      await stdoutOf(['ps', '-a', '--filter', `name=${ended}`, '--format', '{{.Status}}']),
      /^Exited \(3\) .* ago$/,
    );
    assert.equal(await stdoutOf(['ps', '-a', '--filter', `name=${created}`, '--format', '{{.Status}}']), 'Created');
    assert.match(await stdoutOf(['ps', '--filter', `name=${running}`, '--format', '{{.Status}}']), /^Up /);
    assert.match(await stdoutOf(['ps', '-q', '--filter', `name=${running}`]), /^[0-9a-f]{12}$/);
    assert.match(await stdoutOf(['ps', '-q', '--no-trunc', '--filter', `name=${running}`]), /^[0-9a-f]{64}$/);
  });

  test('ps prints its table with the known columns', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const [head, row] = (await stdoutOf(['ps', '--filter', `name=${name}`])).split('\n');
    assert.match(head ?? '', /^CONTAINER ID   IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
    assert.match(row ?? '', new RegExp(`^[0-9a-f]{12}   ${library('alpine')}   "sleep 300"   .* ago +Up .* ${name}$`));
    const odd = await stdoutOf(['ps', '--filter', `name=${name}`, '--format', 'table{{.Names}}\t table{{.Image}}']);
    assert.equal(odd.split('\n').length, 2);
    assert.match(odd, new RegExp(`^NAMES +tableIMAGE\n${name} +table${library('alpine')}$`));
    const json = JSON.parse(await stdoutOf(['ps', '--filter', `name=${name}`, '--format', 'json'])) as {
      Names: string;
      State: string;
    };
    assert.deepEqual([json.Names, json.State], [name, 'running']);
  });

  test('filters as a map of arrays are taken like a map of sets', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    for (const filters of [{ name: [name] }, { name: { [name]: true } }]) {
      const answer = await api('GET', `/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}`);
      assert.equal(answer.status, 200, answer.text);
      const [container] = answer.json() as {
        Names: string[];
        State: string;
        Labels: object;
        Ports: unknown[];
        Mounts: unknown[];
      }[];
      assert.deepEqual(container?.Names, [`/${name}`]);
      assert.equal(container?.State, 'running');
      assert.deepEqual([container?.Labels, container?.Ports, container?.Mounts], [{}, [], []]);
    }
    const wrong = await api('GET', `/containers/json?filters=${encodeURIComponent('{"nonsense":["x"]}')}`);
    assert.equal(wrong.status, 400);
  });

  test('inspect has the shape that clients rely on', async (t) => {
    const name = await background(t, ['-e', 'A=1', '-l', 'b=2', '-w', '/tmp', '-m', '64m'], 'sleep', '300');
    const answer = await api('GET', `/containers/${name}/json`);
    const container = answer.json() as Record<string, never>;
    const parts = [
      'Id',
      'Created',
      'Path',
      'Args',
      'State',
      'Image',
      'ResolvConfPath',
      'HostnamePath',
      'HostsPath',
      'LogPath',
    ];
    const more = [
      'Name',
      'RestartCount',
      'Driver',
      'Platform',
      'MountLabel',
      'HostConfig',
      'GraphDriver',
      'Mounts',
      'Config',
    ];
    for (const part of [...parts, ...more, 'NetworkSettings', 'ExecIDs']) assert.ok(part in container, part);
    const { Path, Args, State, HostConfig, Config, NetworkSettings } = container as Record<
      string,
      Record<string, unknown>
    >;
    assert.deepEqual([Path, Args], ['sleep', ['300']]);
    assert.equal(State?.['Status'], 'running');
    assert.ok(Number(State?.['Pid']) > 1);
    assert.match(String(State?.['StartedAt']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
    assert.equal(State?.['FinishedAt'], '0001-01-01T00:00:00Z');
    assert.equal(HostConfig?.['Memory'], 64 * 1024 * 1024);
    assert.deepEqual(HostConfig?.['RestartPolicy'], { Name: 'no', MaximumRetryCount: 0 });
    assert.deepEqual([Config?.['WorkingDir'], Config?.['Labels']], ['/tmp', { b: '2' }]);
    assert.deepEqual(Object.keys(NetworkSettings?.['Networks'] ?? {}), ['bridge']);
  });

  test('container prune removes what does not run, within its filter', async (t) => {
    const label = uniqueName('label');
    const ended = reserve(t);
    await stdoutOf(['run', '--name', ended, '-l', label, library('alpine'), 'true']);
    const running = await background(t, ['-l', label], 'sleep', '300');
    const output = await stdoutOf(['container', 'prune', '-f', '--filter', `label=${label}`]);
    assert.match(output, /^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: /);
    assert.equal(await stdoutOf(['ps', '-a', '--filter', `label=${label}`, '--format', '{{.Names}}']), running);
  });

  test('signals to the client reach the container', async (t) => {
    const name = reserve(t);
    const client = dockerInBackground(t, ['run', '--name', name, library('alpine'), ...trapTerm]);
    await client.until(({ stdout }) => stdout.includes('ready'));
    client.signal('SIGTERM');
    const result = await client.ended;
    assert.deepEqual([result.stdout, result.code], ['ready\nbye\n', 7]);
  });

  test('two starts of one container at once leave one process', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--name', name, library('alpine'), 'sleep', '300']);
    const answers = await Promise.all([1, 2, 3].map(() => api('POST', `/containers/${name}/start`)));
    const statuses = answers.map((answer) => answer.status);
    // dockerd may also tell several that they have started it
    assert.ok(statuses.includes(204) && statuses.every((status) => status === 204 || status === 304), statuses.join());
    const rows = (await stdoutOf(['top', name])).split('\n');
    assert.equal(rows.length, 2);
  });

  test('a restart policy brings a failed container back, as often as it says', async (t) => {
    const name = await background(t, ['--restart', 'on-failure:2'], 'sh', '-c', 'echo run; exit 1');
    await eventually(
      'it has been given up',
      async () => (await inspect(name, '{{.RestartCount}} {{.State.Status}}')) === '2 exited',
    );
    assert.equal(await stdoutOf(['logs', name]), 'run\nrun\nrun');
    assert.equal(await inspect(name, '{{.HostConfig.RestartPolicy.Name}}'), 'on-failure');
  });
});
