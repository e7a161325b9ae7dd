import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { demultiplex, hijack } from '../support/http.ts';
import { run } from '../support/run.ts';
import {
  api,
  background,
  clientEnvironment,
  docker,
  dockerInBackground,
  engine,
  inspect,
  library,
  release,
  reserve,
  stdoutOf,
} from './harness.ts';

suite('streams', { concurrency: 3 }, () => {
  test('-i passes a pipe in, and its end', async (t) => {
    const cat = ['run', '--rm', '-i', '--name', reserve(t), library('alpine'), 'cat'];
    assert.equal(await stdoutOf(cat, { input: 'hi\n' }), 'hi');
  });

  test('-i carries a megabyte unchanged', async (t) => {
    const input = Array.from({ length: 16_384 }, (_, index) => `${index}`.padStart(63, '.')).join('\n');
    const sum = await stdoutOf(['run', '--rm', '-i', '--name', reserve(t), library('alpine'), 'cat'], { input });
    assert.ok(sum === input, `${sum.length} of ${input.length} characters came back`);
  });

  test('a large output comes whole, however the process ends', async (t) => {
    const result = await docker([
      'run',
      '--rm',
      '--name',
      reserve(t),
      library('alpine'),
      'sh',
      '-c',
      'seq 1 100000; exit 3',
    ]);
    assert.equal(result.code, 3);
    assert.equal(result.stdout.length, 588_895);
  });

  test('without -i stdin is empty', async (t) => {
    assert.equal(
      await stdoutOf(['run', '--rm', '--name', reserve(t), library('alpine'), 'wc', '-c'], { input: 'unseen' }),
      '0',
    );
  });

  test('attach shows what comes after it and gives the exit status', async (t) => {
    const name = await background(
      t,
      ['-i'],
      'sh',
      '-c',
      'read line; echo "got $line"; until [ -e /go ]; do sleep 0.05; done; exit 6',
    );
    const client = dockerInBackground(t, ['attach', name]);
    client.stdin.write('this\n');
    await client.until(({ stdout }) => stdout === 'got this\n');
    await release(name);
    const result = await client.ended;
    assert.deepEqual([result.stdout, result.code], ['got this\n', 6]);
  });

  test('logs keep both streams, in order', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'echo one; echo two >&2; echo three');
    await stdoutOf(['wait', name]);
    const result = await docker(['logs', name]);
    assert.deepEqual([result.stdout, result.stderr], ['one\nthree\n', 'two\n']);
  });

  test('logs --tail, -t and --since choose and mark lines', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'seq 1 5; sleep 1.2; echo late; printf unended');
    await stdoutOf(['wait', name]);
    assert.equal(await stdoutOf(['logs', '--tail', '3', name]), '5\nlate\nunended');
    assert.equal(await stdoutOf(['logs', '--tail', '0', name]), '');
    const stamped = (await stdoutOf(['logs', '-t', name])).split('\n');
    assert.match(stamped[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z 1$/);
    const late = stamped.find((line) => line.endsWith(' late'))?.split(' ')[0] ?? '';
    assert.equal(await stdoutOf(['logs', '--since', late, name]), 'late\nunended');
    const between = new Date(Date.parse(stamped[0]?.split(' ')[0] ?? '') + 500).toISOString();
    assert.equal(await stdoutOf(['logs', '--until', between, name]), '1\n2\n3\n4\n5');
  });

  test('logs -f follows to the end of the container', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'echo early; until [ -e /go ]; do sleep 0.05; done; echo later');
    const follower = dockerInBackground(t, ['logs', '-f', name]);
    await follower.until(({ stdout }) => stdout === 'early\n');
    await release(name);
    assert.equal((await follower.ended).stdout, 'early\nlater\n');
  });

  test('/dev/stdout can be opened by the process, also without root', async (t) => {
    const script = 'echo opened > /dev/stdout; echo again >> /proc/self/fd/2';
    const result = await docker([
      'run',
      '--rm',
      '-u',
      'worker',
      '--name',
      reserve(t),
      library('alpine'),
      'sh',
      '-c',
      script,
    ]);
    assert.deepEqual([result.stdout, result.stderr], ['opened\n', 'again\n']);
  });

  for (const upgrade of [true, false]) {
    test(`attach by raw HTTP ${upgrade ? 'with' : 'without'} Upgrade: multiplexed, with half-close`, async (t) => {
      const name = reserve(t);
      const command = ['sh', '-c', 'cat; echo done >&2'];
      const body = { Image: library('alpine'), Cmd: command, OpenStdin: true, StdinOnce: true, AttachStdin: true };
      await api('POST', `/containers/create?name=${name}`, { body });
      const stream = await hijack(engine().host, `/containers/${name}/attach?stream=1&stdin=1&stdout=1&stderr=1`, {
        upgrade,
      });
      assert.match(stream.head, upgrade ? /^HTTP\/1\.1 101 UPGRADED\r\n/ : /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(stream.head, /Content-Type: application\/vnd\.docker\.(raw|multiplexed)-stream/i);
      await api('POST', `/containers/${name}/start`);
      stream.socket.end('sent\n');
      assert.deepEqual(demultiplex(await stream.rest()), { stdout: 'sent\n', stderr: 'done\n' });
    });
  }

  test('with a terminal the stream is raw and the process sees one', async (t) => {
    const name = reserve(t);
    const body = { Image: library('alpine'), Cmd: ['sh', '-c', 'tty; echo $TERM'], Tty: true };
    await api('POST', `/containers/create?name=${name}`, { body });
    const stream = await hijack(engine().host, `/containers/${name}/attach?stream=1&stdout=1`, { upgrade: true });
    await api('POST', `/containers/${name}/start`);
    const output = (await stream.rest()).toString();
    assert.match(output, /^\/dev\/(pts\/\d+|console)\r\nxterm\r\n$/);
    assert.equal(await inspect(name, '{{.Config.Tty}}'), 'true');
  });

  test('what a process writes to its terminal right before its end is not lost', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const commands = ['exec', 'run'].flatMap((verb) => Array.from({ length: 6 }, () => verb));
    const outputs = await Promise.all(
      commands.map((verb) =>
        verb === 'exec'
          ? stdoutOf(['exec', '-t', name, 'seq', '1', '300'])
          : stdoutOf([
              'run',
              '--rm',
              '-t',
              '--network',
              'none',
              '--name',
              reserve(t),
              library('alpine'),
              'seq',
              '1',
              '300',
            ]),
      ),
    );
    const whole = Array.from({ length: 300 }, (_, index) => `${index + 1}\r`).join('\n');
    assert.deepEqual(
      outputs,
      commands.map(() => whole),
    );
  });

  test('resize changes the size that the process sees', async (t) => {
    const name = await background(
      t,
      ['-t'],
      'sh',
      '-c',
      'until [ "$(stty size 2>&1)" = "33 111" ]; do sleep 0.05; done; echo sized',
    );
    const answer = await api('POST', `/containers/${name}/resize?h=33&w=111`);
    assert.ok([200, 204].includes(answer.status));
    assert.equal(await stdoutOf(['wait', name]), '0');
    assert.equal((await stdoutOf(['logs', name])).trim(), 'sized');
  });

  test('stdin of a container that goes on is closed with its first client only when it was opened so', async (t) => {
    const name = await background(t, ['-i'], 'cat');
    assert.equal(await inspect(name, '{{.Config.OpenStdin}} {{.Config.StdinOnce}}'), 'true false');
    for (const line of ['first', 'second']) {
      const client = dockerInBackground(t, ['attach', '--no-stdin=false', name]);
      client.stdin.write(`${line}\n`);
      await client.until(({ stdout }) => stdout.includes(line));
      client.signal('SIGKILL');
      await client.ended;
    }
    assert.equal(await inspect(name, '{{.State.Running}}'), 'true');
  });

  test('a reader that goes away ends the client, without a word', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'while :; do echo line; sleep 0.05; done');
    const script = '"$1" logs -f "$2" | head -n 1; echo ${PIPESTATUS[0]}';
    const options = { env: clientEnvironment() };
    const result = await run('bash', ['-c', script, 'bash', engine().client, name], options);
    assert.deepEqual([result.stdout, result.stderr], ['line\n141\n', '']);
  });
});
