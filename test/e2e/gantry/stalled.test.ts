/** A client that stops reading: dockerd lets it hold up its container, its log and its end. */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';

import { demultiplex, hijack, type Hijacked } from '../../support/http.ts';
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

  test('while a client reads nothing the log and another client go on, and it gets every byte in the end', async (t) => {
    const script = 'until [ -e /go ]; do sleep 0.05; done; seq 1 3000000; echo end; sleep 300';
    const name = await background(t, [], 'sh', '-c', script);
    const stalled = await attach(t, name);
    stalled.socket.pause();
    const reader = await attach(t, name);
    let readBytes = 0;
    reader.socket.on('data', (data: Buffer) => (readBytes += data.length));
    await release(name);
    await eventually('the log goes on', async () => (await stdoutOf(['logs', '-n', '1', name])) === 'end', 60_000);
    await eventually('the reader goes on', () => readBytes > numbers.length);
    stalled.socket.resume();
    await stdoutOf(['kill', name]);
    for (const client of [stalled, reader]) {
      const { stdout } = demultiplex(await client.rest());
      assert.ok(stdout === `${numbers}end\n`, `${stdout.length} bytes came, or others`);
    }
  });

  test('a client that reads nothing is dropped at its bound: the container goes on, the connection is closed', async (t) => {
    const script = 'until [ -e /go ]; do sleep 0.05; done; head -c 300m /dev/zero; touch /passed; sleep 300';
    const name = await background(t, ['--log-driver', 'none'], 'sh', '-c', script);
    const stalled = await attach(t, name);
    stalled.socket.pause();
    await release(name);
    const passed = async (): Promise<boolean> => (await docker(['exec', name, 'test', '-e', '/passed'])).code === 0;
    await eventually('the container goes on', passed, 60_000);
    // It does not read: only a write tells it.
    await eventually('it is closed', () => stalled.socket.destroyed || (stalled.socket.write('x') && false));
  });
});

const numbers = Array.from({ length: 3_000_000 }, (_, at) => `${at + 1}\n`).join('');

async function attach(t: TestContext, name: string): Promise<Hijacked> {
  const client = await hijack(engine().host, `/containers/${name}/attach?stream=1&stdin=1&stdout=1`, { upgrade: true });
  t.after(() => client.socket.destroy());
  return client;
}
