import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { demultiplex, hijack } from '../support/http.ts';
import { eventually } from '../support/run.ts';
import {
  api,
  apiVersionFrom,
  background,
  docker,
  engine,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
} from './harness.ts';

suite('exec', { concurrency: 3 }, () => {
  test('runs beside the first process, in its namespaces', async (t) => {
    const name = await background(t, ['-h', 'inside'], 'sleep', '300');
    assert.match(
      await stdoutOf(['exec', name, 'sh', '-c', 'hostname; tr "\\0" " " < /proc/1/cmdline']),
      /^inside\nsleep 300 $/,
    );
  });

  test('gives output, errors and status of the process', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const result = await docker(['exec', name, 'sh', '-c', 'echo out; echo err >&2; exit 9']);
    assert.deepEqual([result.stdout, result.stderr, result.code], ['out\n', 'err\n', 9]);
    assert.equal((await docker(['exec', name, 'true'])).code, 0);
  });

  test('-i passes stdin and its end', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    assert.equal(await stdoutOf(['exec', '-i', name, 'cat'], { input: 'hi\nthere\n' }), 'hi\nthere');
    assert.equal(await stdoutOf(['exec', '-i', name, 'wc', '-c'], { input: 'x'.repeat(300_000) }), '300000');
  });

  test('-e, -w and -u hold for it; else what holds for the container', async (t) => {
    const name = await background(t, ['-e', 'OUTER=1', '-u', 'worker', '-w', '/tmp'], 'sleep', '300');
    assert.equal(await stdoutOf(['exec', name, 'sh', '-c', 'id -un; pwd; echo $OUTER']), 'worker\n/tmp\n1');
    const options = ['-e', 'INNER=2', '-w', '/etc', '-u', 'root'];
    assert.equal(
      await stdoutOf(['exec', ...options, name, 'sh', '-c', 'id -un; pwd; echo $OUTER$INNER']),
      'root\n/etc\n12',
    );
    assert.equal(await stdoutOf(['exec', '-u', 'worker', name, 'id', '-G']), '1000 2000');
  });

  test('-d does not wait', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    assert.equal(await stdoutOf(['exec', '-d', name, 'sh', '-c', 'touch /was-here; sleep 300']), '');
    await eventually(
      'the process has run',
      async () => (await docker(['exec', name, 'test', '-e', '/was-here'])).code === 0,
    );
  });

  test('a missing executable is 127, one without the right 126', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const missing = await docker(['exec', name, 'no-such-program']);
    // before API 1.42 a missing executable was 126 as well
    assert.equal(missing.code, (await apiVersionFrom(1.42)) ? 127 : 126);
    assert.match(missing.stdout + missing.stderr, /"no-such-program": executable file not found in \$PATH/);
    assert.equal((await docker(['exec', name, '/etc/not-executable'])).code, 126);
  });

  test('is refused where nothing runs', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--name', name, library('alpine')]);
    assert.match(await failureOf(1, ['exec', name, 'true']), /is not running/);
    assert.match(await failureOf(1, ['exec', 'no-such-container', 'true']), /No such container: no-such-container/);
    const paused = await background(t, [], 'sleep', '300');
    await stdoutOf(['pause', paused]);
    assert.match(await failureOf(1, ['exec', paused, 'true']), /is paused, unpause the container before exec/);
    await stdoutOf(['unpause', paused]);
  });

  test('by raw HTTP: created, started by hijack, inspected', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const body = { Cmd: ['sh', '-c', 'cat; exit 7'], AttachStdin: true, AttachStdout: true, AttachStderr: true };
    const created = await api('POST', `/containers/${name}/exec`, { body });
    assert.equal(created.status, 201);
    const { Id } = created.json() as { Id: string };
    const stream = await hijack(engine().host, `/exec/${Id}/start`, {
      upgrade: true,
      body: { Detach: false, Tty: false },
    });
    assert.match(stream.head, /^HTTP\/1\.1 101 UPGRADED/);
    stream.socket.end('through\n');
    assert.equal(demultiplex(await stream.rest()).stdout, 'through\n');
    const state = await eventually('the exec has ended', async () => {
      const answer = (await api('GET', `/exec/${Id}/json`)).json() as {
        Running: boolean;
        ExitCode: number | null;
        ContainerID: string;
      };
      return !answer.Running && answer;
    });
    assert.equal(state.ExitCode, 7);
    assert.equal(state.ContainerID, await inspect(name, '{{.Id}}'));
    assert.equal((await api('GET', '/exec/0123456789/json')).status, 404);
  });

  test('with a terminal by raw HTTP', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const body = { Cmd: ['tty'], AttachStdout: true, Tty: true };
    const { Id } = (await api('POST', `/containers/${name}/exec`, { body })).json() as { Id: string };
    const stream = await hijack(engine().host, `/exec/${Id}/start`, { upgrade: true, body: { Tty: true } });
    assert.match((await stream.rest()).toString(), /^\/dev\/pts\/\d+\r\n$/);
  });

  test('ends with its container', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const running = docker(['exec', name, 'sleep', '300']);
    await eventually('the exec runs', async () => /sleep 300[^]*sleep 300/.test(await stdoutOf(['top', name])));
    await stdoutOf(['kill', name]);
    assert.equal((await running).code, 137);
  });

  test('ten at once', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const outputs = await Promise.all(
      Array.from({ length: 10 }, (_, index) => stdoutOf(['exec', name, 'echo', `${index}`])),
    );
    assert.deepEqual(
      outputs,
      Array.from({ length: 10 }, (_, index) => `${index}`),
    );
  });
});
