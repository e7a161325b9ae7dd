/** The client in a terminal, as a person sits before it. */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';

import { spawn } from '@lydell/node-pty';

import { eventually } from '../support/run.ts';
import { background, clientEnvironment, docker, engine, inspect, library, reserve } from './harness.ts';

/** A client that runs in a terminal of its own. */
class Terminal {
  output = '';
  readonly ended: Promise<number>;
  readonly #pty: ReturnType<typeof spawn>;

  constructor(t: TestContext, args: readonly string[]) {
    const env = { ...process.env, ...clientEnvironment() };
    this.#pty = spawn(engine().client, [...args], { env, cols: 90, rows: 30, name: 'xterm' });
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
    const shell = new Terminal(t, ['run', '-it', '--name', name, library('alpine'), 'cat']);
    shell.type('one\r');
    await shell.shows(/one\r\none\r\n/);
    shell.type('\x10\x11');
    assert.equal(await shell.ended, 0);
    assert.equal(await inspect(name, '{{.State.Running}}'), 'true');
    const again = new Terminal(t, ['attach', name]);
    // the client is attached when what is typed comes back
    await eventually('cat answers', () => {
      again.type('two\r');
      return /two\r\ntwo\r\n/.test(again.output);
    });
    await docker(['kill', name]);
    assert.equal(await again.ended, 137);
  });

  test('exec -it is a second shell', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const shell = new Terminal(t, ['exec', '-it', name, 'sh']);
    await shell.shows(/# /u);
    shell.type('tty; exit 6\r');
    await shell.shows(/\/dev\/pts\/\d+/);
    assert.equal(await shell.ended, 6);
  });
});
