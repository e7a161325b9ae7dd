/** What a container answers in each of its states: restart policies, pauses, waits and names. */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';

import { eventually } from '../support/run.ts';
import type { Answer } from '../support/http.ts';
import { api, background, beginWait, docker, failureOf, inspect, library, reserve, stdoutOf } from './harness.ts';

const post = (name: string, what: string, body?: unknown): Promise<Answer> =>
  api('POST', `/containers/${name}/${what}`, body === undefined ? {} : { body });

async function assertAnswer(asked: Promise<Answer>, status: number, message: RegExp): Promise<void> {
  const answer = await asked;
  assert.equal(answer.status, status, answer.text);
  assert.match((answer.json() as { message: string }).message, message);
}

/** A container that fails again and again, found while it waits for its next start; the waits have become long by then. */
async function restarting(t: TestContext, restarts = 4): Promise<string> {
  const name = await background(t, ['--restart', 'always'], 'sh', '-c', 'exit 3');
  await eventually('it waits for its restart', async () => {
    const [status, count] = (await inspect(name, '{{.State.Status}} {{.RestartCount}}')).split(' ');
    return status === 'restarting' && Number(count) >= restarts;
  });
  return name;
}

const down = '{{.State.Status}} {{.State.Running}} {{.State.Restarting}} {{.State.ExitCode}}';

suite('states', { concurrency: 4 }, () => {
  test('on-failure starts it again so often, and only after a failure', async (t) => {
    const failing = await background(t, ['--restart', 'on-failure:2'], 'sh', '-c', 'echo run; exit 3');
    const well = await background(t, ['--restart', 'on-failure:2'], 'true');
    await eventually(
      'it gives up',
      async () => (await inspect(failing, `${down} {{.RestartCount}}`)) === 'exited false false 3 2',
    );
    assert.equal(await stdoutOf(['logs', failing]), 'run\nrun\nrun');
    assert.equal(await inspect(well, `${down} {{.RestartCount}}`), 'exited false false 0 0');
    await stdoutOf(['start', failing]);
    await eventually('it counts anew', async () => (await stdoutOf(['logs', failing])).split('\n').length === 6);
  });

  test('a container that waits for its restart is restarting and running, and refuses what needs it up', async (t) => {
    const name = await restarting(t, 6);
    assert.equal(await inspect(name, down), 'restarting true true 3');
    assert.match(
      await stdoutOf(['ps', '--filter', `name=${name}`, '--filter', 'status=restarting', '--format', '{{.Status}}']),
      /^Restarting \(3\) .* ago$/,
    );
    await assertAnswer(post(name, 'pause'), 409, /is restarting, wait until the container is running/);
    await assertAnswer(
      post(name, 'exec', { Cmd: ['true'] }),
      409,
      /is restarting, wait until the container is running/,
    );
    await assertAnswer(api('DELETE', `/containers/${name}`), 409, /restarting/);
    assert.equal((await post(name, 'unpause')).status, 500);
  });

  for (const what of ['stop', 'kill'])
    test(`${what} calls a restart off, and a start by hand takes the policy up again`, async (t) => {
      const name = await restarting(t);
      assert.equal((await post(name, what)).status, 204);
      await eventually('it is down', async () => (await inspect(name, down)) === 'exited false false 3');
      assert.equal((await post(name, 'start')).status, 204);
      await eventually('it fails again', async () => (await inspect(name, '{{.RestartCount}}')) !== '0');
      assert.equal((await api('DELETE', `/containers/${name}?force=1`)).status, 204);
    });

  test('a container that is stopped stays down, whatever its policy', async (t) => {
    const name = await background(t, ['--restart', 'always'], 'sleep', '300');
    await stdoutOf(['stop', '-t', '0', name]);
    assert.equal(await inspect(name, down), 'exited false false 137');
    await stdoutOf(['start', name]);
    await stdoutOf(['restart', '-t', '0', name]);
    assert.equal(await inspect(name, '{{.State.Status}} {{.RestartCount}}'), 'running 0');
  });

  test('a restart policy that makes no sense is refused', async () => {
    const wrong = [
      { Name: 'always', MaximumRetryCount: 2 },
      { Name: 'on-failure', MaximumRetryCount: -2 },
      { Name: 'sometimes' },
    ];
    for (const RestartPolicy of wrong) {
      const body = { Image: library('alpine'), HostConfig: { RestartPolicy } };
      await assertAnswer(api('POST', '/containers/create', { body }), 400, /restart policy|retry count/);
    }
    const HostConfig = { AutoRemove: true, RestartPolicy: { Name: 'always' } };
    await assertAnswer(
      api('POST', '/containers/create', { body: { Image: library('alpine'), HostConfig } }),
      400,
      /can't create 'AutoRemove' container with restart policy/,
    );
    assert.match(
      await failureOf(125, ['run', '--rm', '--restart', 'always', library('alpine'), 'true']),
      /--restart.*--rm|--rm.*--restart/,
    );
  });

  test('a paused container takes signals and a new name, is woken by them, and can be stopped', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const other = reserve(t);
    assert.equal((await post(name, 'pause')).status, 204);
    await assertAnswer(post(name, 'start'), 409, /cannot start a paused container, try unpause instead/);
    await assertAnswer(api('DELETE', `/containers/${name}`), 409, /paused/i);
    assert.equal((await post(name, `rename?name=${other}`)).status, 204);
    assert.equal((await post(other, 'kill?signal=USR2')).status, 204);
    assert.equal(await inspect(other, '{{.State.Status}}'), 'running');
    await stdoutOf(['pause', other]);
    await stdoutOf(['stop', '-t', '0', other]);
    assert.equal(await inspect(other, '{{.State.Status}} {{.State.Paused}} {{.State.ExitCode}}'), 'exited false 137');
  });

  test('a stop signal that is named is the only one that wakes a paused container', async (t) => {
    const name = await background(t, ['--stop-signal', 'USR1'], 'sleep', '300');
    await stdoutOf(['pause', name]);
    await stdoutOf(['kill', '-s', 'USR2', name]);
    assert.equal(await inspect(name, '{{.State.Status}}'), 'paused');
    await stdoutOf(['kill', '-s', 'USR1', name]);
    assert.equal(await inspect(name, '{{.State.Status}}'), 'running');
  });

  test('a grace period of no time is none, and one below zero has no end', async (t) => {
    const name = await background(t, ['--stop-timeout', '0'], 'sleep', '300');
    const begun = Date.now();
    await stdoutOf(['stop', name]);
    assert.ok(Date.now() - begun < 5_000);
    assert.equal(await inspect(name, '{{.State.ExitCode}} {{.Config.StopTimeout}}'), '137 0');
    const patient = await background(t, ['--stop-timeout', '-1'], 'sleep', '300');
    const stopped = stdoutOf(['stop', patient]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(await inspect(patient, '{{.State.Running}}'), 'true');
    await stdoutOf(['kill', patient]);
    await stopped;
  });

  test('waits end with the removal of a container that never ran', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--name', name, library('alpine'), 'true']);
    assert.equal((await post(name, 'wait')).text.includes('"StatusCode":0'), true);
    const waits = await Promise.all(['next-exit', 'removed'].map((condition) => beginWait(name, condition)));
    await stdoutOf(['rm', name]);
    for (const { answer } of waits) assert.match((await answer).text, /"StatusCode":0/);
  });

  test('a wait for the next exit that comes before the start sees the first of many', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--restart', 'on-failure:3', '--name', name, library('alpine'), 'sh', '-c', 'exit 5']);
    const exit = await beginWait(name, 'next-exit');
    await stdoutOf(['start', name]);
    assert.match((await exit.answer).text, /"StatusCode":5/);
    // a removal that meets one of the restarts kills it, and says so
    await eventually('it is given up', async () => (await inspect(name, '{{.State.Status}}')) === 'exited');
    const removed = await beginWait(name, 'removed');
    await stdoutOf(['rm', '-f', name]);
    assert.match((await removed.answer).text, /"StatusCode":5/);
  });

  test('--rm removes what cannot be started, too', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--rm', '--name', name, library('alpine'), '/nonsense']);
    const removed = await beginWait(name, 'removed');
    assert.equal((await post(name, 'start')).status, 400);
    assert.match((await removed.answer).text, /"StatusCode":127/);
    assert.equal((await api('GET', `/containers/${name}/json`)).status, 404);
  });

  test('a container is renamed while it runs, but not to its own name or to none', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    for (const typed of [name, `/${name}`])
      await assertAnswer(
        post(name, `rename?name=${typed}`),
        400,
        /^Renaming a container with the same name as its current name$/i,
      );
    await assertAnswer(post(name, 'rename?name='), 400, /^Neither old nor new names may be empty$/i);
    const { Id } = (await api('GET', `/containers/${name}/json`)).json() as { Id: string };
    const other = reserve(t);
    await stdoutOf(['rename', name, other]);
    assert.equal(await inspect(other, '{{.Id}} {{.Name}} {{.State.Status}}'), `${Id} /${other} running`);
    assert.equal((await docker(['exec', other, 'true'])).code, 0);
    assert.equal(await stdoutOf(['run', '-d', '--name', name, library('alpine'), 'true']).then(() => 'taken'), 'taken');
    await stdoutOf(['rm', '-f', name]);
  });
});
