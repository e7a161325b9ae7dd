/** A client that stops reading: dockerd lets it hold up its container, its log and its end. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { hijack } from '../../support/http.ts';
import { eventually } from '../../support/run.ts';
import { api, background, docker, engine, inspect, release, stdoutOf } from '../harness.ts';

suite('stalled clients', () => {
  test('a client that reads nothing does not hold up the end of its container', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'while :; do echo 0123456789012345678901234567890123456789; done');
    const stalled = await hijack(engine().host, `/containers/${name}/attach?stream=1&stdout=1&stderr=1`, {
      upgrade: true,
    });
    t.after(() => stalled.socket.destroy());
    stalled.socket.pause();
    await eventually('some output is logged', async () => (await stdoutOf(['logs', '-n', '1', name])) !== '');
    await stdoutOf(['stop', '-t', '1', name]);
    assert.equal(await inspect(name, '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137');
  });

  test('a client that reads nothing does not hold up the end of its exec', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const command = ['sh', '-c', 'echo $$ >/pid; while :; do echo 0123456789012345678901234567890123456789; done'];
    const created = await api('POST', `/containers/${name}/exec`, { body: { Cmd: command, AttachStdout: true } });
    const { Id: id } = created.json() as { Id: string };
    const stalled = await hijack(engine().host, `/exec/${id}/start`, { upgrade: true, body: { Detach: false } });
    t.after(() => stalled.socket.destroy());
    stalled.socket.pause();
    await eventually('it runs', async () => (await docker(['exec', name, 'test', '-s', '/pid'])).code === 0);
    await stdoutOf(['exec', name, 'sh', '-c', 'kill -9 $(cat /pid)']);
    await eventually('its end is known', async () => {
      const state = (await api('GET', `/exec/${id}/json`)).json() as { Running: boolean; ExitCode: number | null };
      return !state.Running && state.ExitCode === 137;
    });
  });

  test('a client that reads nothing is dropped after ten seconds, and the log goes on', async (t) => {
    const script = 'until [ -e /go ]; do sleep 0.05; done; seq 1 1000000; echo end; sleep 300';
    const name = await background(t, [], 'sh', '-c', script);
    const stalled = await hijack(engine().host, `/containers/${name}/attach?stream=1&stdout=1`, {
      upgrade: true,
    });
    t.after(() => stalled.socket.destroy());
    stalled.socket.pause();
    await release(name);
    await eventually('the log goes on', async () => (await stdoutOf(['logs', '-n', '1', name])) === 'end', 30_000);
  });
});
