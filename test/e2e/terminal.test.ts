/** The client in a terminal, as a person sits before it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { spawn } from '@lydell/node-pty';

import { eventually } from '../support/run.ts';
import {
  api,
  background,
  clientEnvironment,
  docker,
  engine,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
} from './harness.ts';

/** A client that runs in a terminal of its own. */
class Terminal {
  output = '';
  readonly ended: Promise<number>;
  readonly #pty: ReturnType<typeof spawn>;

  constructor(
    t: TestContext,
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    program = engine().client,
  ) {
    const env = { ...process.env, ...clientEnvironment(more) };
    this.#pty = spawn(program, [...args], { env, cols: 90, rows: 30, name: 'xterm' });
    this.#pty.onData((text) => (this.output += text));
    this.ended = new Promise((resolve) => this.#pty.onExit(({ exitCode }) => resolve(exitCode)));
    t.after(() => this.#pty.kill('SIGKILL'));
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  async shows(pattern: RegExp): Promise<void> {
    await eventually(`${pattern} on the terminal, which shows ${this.output}`, () => pattern.test(this.output));
  }
}

/** A program whose answers are told from the echo of what was typed. */
const answering = ['sh', '-c', 'while read -r line; do echo "got $line"; done'];

suite('terminal', { concurrency: 3 }, () => {
  test('run -it is a shell that echoes, edits and exits', async (t) => {
    const shell = new Terminal(t, ['run', '--rm', '-it', '--name', reserve(t), library('alpine'), 'sh']);
    await shell.shows(/# /u);
    shell.type('echo $((6*7)) $TERM\r');
    await shell.shows(/\r\n42 xterm\r\n/);
    shell.type('exit 9\r');
    assert.equal(await shell.ended, 9);
  });

  test("the terminal's size is the process's, and follows it", async (t) => {
    const shell = new Terminal(t, ['run', '--rm', '-it', '--name', reserve(t), library('alpine'), 'sh']);
    await shell.shows(/# /u);
    shell.type('until [ "$(stty size)" = "30 90" ]; do sleep 0.1; done 2>/dev/null; echo fir""st\r');
    await shell.shows(/first/);
    shell.resize(120, 44);
    shell.type('until [ "$(stty size)" = "44 120" ]; do sleep 0.1; done; echo sec""ond\r');
    await shell.shows(/second/);
    shell.type('exit\r');
    assert.equal(await shell.ended, 0);
  });

  test('ctrl-C reaches the process, not the client', async (t) => {
    const script = 'trap "echo caught; exit 4" INT; echo ready; while :; do sleep 0.1; done';
    const shell = new Terminal(t, ['run', '--rm', '-it', '--name', reserve(t), library('alpine'), 'sh', '-c', script]);
    await shell.shows(/ready/);
    shell.type('\x03');
    await shell.shows(/caught/);
    assert.equal(await shell.ended, 4);
  });

  test('the detach keys leave the container running, and attach comes back', async (t) => {
    const name = reserve(t);
    const shell = new Terminal(t, ['run', '-it', '--name', name, library('alpine'), ...answering]);
    shell.type('one\r');
    await shell.shows(/got one\r\n/);
    shell.type('\x10\x11');
    assert.equal(await shell.ended, 0);
    assert.equal(await inspect(name, '{{.State.Running}}'), 'true');
    const again = new Terminal(t, ['attach', name]);
    // the client is attached when what is typed comes back
    await eventually('the container answers', () => {
      again.type('two\r');
      return /got two\r\n/.test(again.output);
    });
    await docker(['kill', name]);
    assert.equal(await again.ended, 137, again.output);
  });

  test('exec -it is a second shell', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const shell = new Terminal(t, ['exec', '-it', name, 'sh']);
    await shell.shows(/# /u);
    shell.type('tty; exit 6\r');
    await shell.shows(/\/dev\/pts\/\d+/);
    assert.equal(await shell.ended, 6);
  });

  test('a redis container is talked to and looked into', async (t) => {
    const name = reserve(t);
    const id = await stdoutOf(['run', '-d', '--name', name, library('redis')]);
    const client = new Terminal(t, ['exec', '-it', id, 'redis-cli']);
    await client.shows(/127\.0\.0\.1:6379> $/);
    client.type('set mykey hello\r');
    await client.shows(/OK\r\n/);
    client.type('get mykey\r');
    await client.shows(/"hello"\r\n/);
    client.type('\x04');
    assert.equal(await client.ended, 0);

    const shell = new Terminal(t, ['exec', '-it', id, 'sh']);
    await shell.shows(/# /u);
    shell.type('cd /tmp; ls\r');
    shell.type('touch new-file\r');
    shell.type('ls\r');
    await shell.shows(/ls\r\n(?:.*\r\n)?new-file\r\n/);
    shell.type('export hello=hi\r');
    shell.type('echo $hello\r');
    await shell.shows(/echo \$hello\r\nhi\r\n/);
    shell.type('\x04');
    assert.equal(await shell.ended, 0);
    assert.equal(await inspect(id, '{{.State.Running}}'), 'true');
    assert.equal(await stdoutOf(['exec', id, 'ls', '/tmp/new-file']), '/tmp/new-file');
  });

  test('ctrl-D ends a shell, and its status is that of its last command', async (t) => {
    const shell = new Terminal(t, ['run', '--rm', '-it', '--name', reserve(t), library('alpine'), 'sh']);
    await shell.shows(/# /u);
    shell.type('(exit 5)\r');
    await shell.shows(/exit 5\)\r\n.*# /su);
    shell.type('\x04');
    assert.equal(await shell.ended, 5);
  });

  test('start -ai goes back into a container that has ended', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '-it', '--name', name, library('alpine'), 'sh']);
    for (const status of [3, 4]) {
      const shell = new Terminal(t, ['start', '-ai', name]);
      await shell.shows(/# /u);
      const greeting = status === 3 ? /first\r\n/ : /again\r\n/;
      // The size is set while the shell is about to read, which may cost it what was typed first.
      await eventually('the shell answers', () => {
        shell.type('test -e /seen && echo ag""ain || echo fir""st; stty size\r');
        return greeting.test(shell.output) && /30 90\r\n/.test(shell.output);
      });
      shell.type(`touch /seen; exit ${status}\r`);
      assert.equal(await shell.ended, status);
    }
  });

  test('detach keys come with the command, else from the configuration file', async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gantry-config-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, 'config.json'), '{"detachKeys":"ctrl-e,e"}');
    const configured = { DOCKER_CONFIG: folder };
    const name = await background(t, ['-it'], ...answering);
    const cases = [
      { args: ['attach', '--detach-keys', 'ctrl-x,x', name], keys: '\x18x', environment: configured },
      { args: ['attach', name], keys: '\x05e', environment: configured },
      { args: ['exec', '-it', name, ...answering], keys: '\x05e', environment: configured },
      { args: ['--config', folder, 'attach', name], keys: '\x05e', environment: {} },
      { args: ['exec', '-it', '--detach-keys', 'a,b', name, ...answering], keys: 'ab', environment: {} },
    ];
    for (const [index, { args, keys, environment }] of cases.entries()) {
      const client = new Terminal(t, args, environment);
      await eventually(`an answer through ${args.join(' ')}`, () => {
        client.type(`${index}\r`);
        return client.output.includes(`got ${index}\r\n`);
      });
      client.type(keys);
      await client.ended;
    }
    assert.equal(await inspect(name, '{{.State.Running}}'), 'true');
    assert.match(await failureOf(1, ['exec', '--detach-keys', 'no,pe', name, 'true']), /Invalid escape keys \(no,pe\)/);
  });

  test('several terminals share one container: each sees all, and either may type', async (t) => {
    const name = await background(t, ['-it'], 'sh');
    const [one, other] = [new Terminal(t, ['attach', name]), new Terminal(t, ['attach', name])];
    await eventually('both are attached', () => {
      one.type('\r');
      return /# .*# /su.test(one.output) && /# .*# /su.test(other.output);
    });
    one.type('echo first $((1+1))\r');
    await Promise.all([one.shows(/first 2\r\n/), other.shows(/first 2\r\n/)]);
    other.type('echo second $((2+2)); exit 8\r');
    await Promise.all([one.shows(/second 4\r\n/), other.shows(/second 4\r\n/)]);
    assert.deepEqual(await Promise.all([one.ended, other.ended]), [8, 8]);
  });

  test('an exec has the environment, the folder, the user and the size that it asks for', async (t) => {
    const name = await background(t, ['-e', 'KEPT=1'], 'sleep', '300');
    const options = ['-e', 'ADDED=2', '-e', 'TERM=vt100', '-w', '/tmp', '-u', 'nobody'];
    const shell = new Terminal(t, ['exec', '-it', ...options, name, 'sh']);
    await shell.shows(/\$ /u);
    shell.type('until [ "$(stty size)" = "30 90" ]; do sleep 0.1; done; echo $KEPT$ADDED $TERM $PWD $(id -un)\r');
    await shell.shows(/12 vt100 \/tmp nobody\r\n/);
    shell.resize(100, 40);
    shell.type('until [ "$(stty size)" = "40 100" ]; do sleep 0.1; done; echo res""ized\r');
    await shell.shows(/resized/);
    // A process that has the terminal in the foreground gets the signal, and the shell goes on. While the shell itself still
    // reads the line, ctrl-C would be a character of it.
    shell.type('echo sleep""ing; sleep 300\r');
    await shell.shows(/sleeping\r\n/);
    shell.type('\x03');
    shell.type('echo status $?\r');
    await shell.shows(/status 130\r\n/);
    shell.type('exit 11\r');
    assert.equal(await shell.ended, 11);
  });

  test('the terminal is raw for a program that has one, and as before afterwards', async (t) => {
    const command = `stty -g >/tmp/before.$$; "$@"; stty -g | cmp - /tmp/before.$$ && echo same; rm /tmp/before.$$`;
    const script = 'stty raw -echo; echo ready; dd bs=1 count=3 2>/dev/null | od -An -tx1';
    const args = ['run', '--rm', '-it', '--name', reserve(t), library('alpine'), 'sh', '-c', script];
    const shell = new Terminal(t, ['-c', command, 'sh', engine().client, ...args], {}, 'sh');
    await shell.shows(/ready/);
    // None of them reaches the client's own terminal as what it usually means.
    shell.type('\x03\x16\x04');
    await shell.shows(/03 16 04/);
    await shell.shows(/same/);
    assert.equal(await shell.ended, 0);
  });

  test('a resize of what has no terminal, or does not run, is refused or without effect', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    assert.ok((await api('POST', `/containers/${name}/resize?h=20&w=20`)).status < 500);
    await docker(['kill', name]);
    await stdoutOf(['wait', name]);
    const ended = await api('POST', `/containers/${name}/resize?h=20&w=20`);
    assert.equal(ended.status, 409);
    assert.match(ended.text, /is not running/);
    assert.equal((await api('POST', `/containers/${name}/resize?h=x&w=20`)).status, 400);
  });
});
