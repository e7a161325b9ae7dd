/** Attached clients: over WebSocket, and ones that are given much. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test, type TestContext } from 'node:test';

import { WebSocket } from 'ws';

import { eventually } from '../support/run.ts';
import { api, background, docker, engine, failureOf, inspect, library, reserve, stdoutOf } from './harness.ts';

/** A WebSocket client that keeps what it is told. */
class Client {
  readonly closed: Promise<number>;
  readonly opened: Promise<void>;
  readonly socket: WebSocket;
  received = '';

  constructor(t: TestContext, path: string) {
    const { host } = engine();
    const address = host.startsWith('unix://') ? `ws+unix://${host.slice(7)}:` : host.replace(/^tcp/, 'ws');
    this.socket = new WebSocket(`${address}${path}`);
    this.socket.on('message', (data: Buffer) => (this.received += data.toString()));
    this.closed = new Promise((resolve) => this.socket.on('close', resolve));
    this.opened = new Promise((resolve, reject) => this.socket.on('open', resolve).on('error', reject));
    this.opened.catch(() => {});
    t.after(() => this.socket.terminate());
  }
}

const allStreams = 'stream=1&stdin=1&stdout=1&stderr=1';

/** Decimal numbers in lines of 100 bytes, as `numbersScript` prints them. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, index) => `${index}\n`.padStart(100, '0')).join('');
}

const numbersScript = (count: number): string => `awk 'BEGIN { for (i = 0; i < ${count}; i++) printf "%099d\\n", i }'`;

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

suite('attach', { concurrency: 2 }, () => {
  test('to a terminal wants one, also where no input is taken', async (t) => {
    const name = await background(t, ['-t'], 'sleep', '600');
    assert.equal(await failureOf(1, ['attach', name]), 'the input device is not a TTY\n');
  });

  test('over WebSocket: input and both streams from the start on, and a close at the end', async (t) => {
    const name = reserve(t);
    const body = { Image: library('alpine'), Cmd: ['sh', '-c', 'head -n 1; echo done >&2'], OpenStdin: true };
    await api('POST', `/containers/create?name=${name}`, { body });
    const client = new Client(t, `/containers/${name}/attach/ws?${allStreams}`);
    await client.opened;
    await api('POST', `/containers/${name}/start`);
    client.socket.send('sent over a socket\n');
    assert.equal(await client.closed, 1000);
    // The two streams are not in order with each other.
    assert.deepEqual(client.received.split('\n').sort(), ['', 'done', 'sent over a socket']);
  });

  test('over WebSocket: the log first, a terminal, and its detach keys', async (t) => {
    const name = await background(t, ['-it'], 'sh', '-c', 'echo early; exec cat');
    await eventually('the first line is logged', async () => (await stdoutOf(['logs', name])).includes('early'));
    const client = new Client(t, `/containers/${name}/attach/ws?logs=1&detachKeys=ctrl-a&${allStreams}`);
    await client.opened;
    client.socket.send('typed\r');
    await eventually('an answer', () => /early\r\n(typed\r\n){2}/.test(client.received));
    client.socket.send('\x01');
    assert.equal(await client.closed, 1000);
    assert.equal(await inspect(name, '{{.State.Running}}'), 'true');
  });

  test('over WebSocket: what refuses it is answered before the handshake', async (t) => {
    await assert.rejects(new Client(t, '/containers/nosuch/attach/ws?stream=1').opened, /response: 404/);
    const name = await background(t, [], 'sleep', '300');
    await stdoutOf(['pause', name]);
    await assert.rejects(new Client(t, `/containers/${name}/attach/ws?stream=1`).opened, /response: 409/);
    await stdoutOf(['unpause', name]);
  });

  test('twenty megabytes on two streams come whole and in order, to the client and into the log', async (t) => {
    const count = 100_000;
    const expected = digest(numbers(count));
    const name = reserve(t);
    const script = `${numbersScript(count)} >&2 & ${numbersScript(count)}; wait`;
    const client = await docker([
      'run',
      '--log-opt',
      'max-size=100m',
      '--name',
      name,
      library('alpine'),
      'sh',
      '-c',
      script,
    ]);
    assert.deepEqual([client.code, digest(client.stdout), digest(client.stderr)], [0, expected, expected]);
    const log = await docker(['logs', name]);
    assert.deepEqual([log.code, digest(log.stdout), digest(log.stderr)], [0, expected, expected]);
  });
});
