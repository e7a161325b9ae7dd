import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';

import { createOutputHub, type HubChunk, messageOf, type OutputHub } from '../base/index.ts';

import { LateSession } from './lateSession.ts';
import { LiveContainers } from './live.ts';
import { until } from './testBench.ts';

const wants = { stdin: true, stdout: true, stderr: true };

interface Process {
  readonly hub: OutputHub;
  readonly stdout: PassThrough;
  readonly stdin: PassThrough;
}

function processWith(stdinOnce: boolean): Process {
  const [stdout, stdin] = [new PassThrough(), new PassThrough()];
  const hub = createOutputHub({ stdout, stderr: undefined, stdin, tty: false, stdinOnce, log: undefined });
  return { hub, stdout, stdin };
}

async function textOf(chunks: AsyncIterable<HubChunk>): Promise<string> {
  let text = '';
  for await (const { data } of chunks) text += Buffer.from(data).toString();
  return text;
}

describe('a session that begins before the process', () => {
  it('passes on input that came, with its end, and then the output', async () => {
    const session = new LateSession(false, true, wants);
    session.stdin?.write('hi');
    session.stdin?.end();
    const output = textOf(session.output);
    const { hub, stdout, stdin } = processWith(true);
    session.bind(hub);
    assert.equal(
      await stdin
        .setEncoding('utf8')
        .toArray()
        .then((parts) => parts.join('')),
      'hi',
    );
    stdout.end('bye');
    assert.equal(await output, 'bye');
  });

  it('ends without output when it is abandoned, and swallows its input', async () => {
    const session = new LateSession(false, true, wants);
    const written = new Promise((resolve) => session.stdin?.end('lost', () => resolve('done')));
    session.abandon();
    assert.equal(await textOf(session.output), '');
    assert.equal(await written, 'done');
  });

  it('is not bound once it is closed', async () => {
    const session = new LateSession(false, false, wants);
    const { hub } = processWith(false);
    session.close();
    session.bind(hub);
    assert.equal(hub.clientCount, 0);
    assert.equal(await textOf(session.output), '');
  });

  it("tells when the process's hub has dropped its client", async () => {
    const [stdout, session] = [new PassThrough(), new LateSession(false, false, wants)];
    const bounds = { clientBufferBytes: 1, stallTimeoutMs: 1 };
    const streams = { stdout, stderr: undefined, stdin: undefined };
    session.bind(createOutputHub({ ...streams, ...bounds, tty: false, stdinOnce: false, log: undefined }));
    const dropped = once(session.dropped, 'abort');
    stdout.write('a');
    await until(() => stdout.readableLength === 0);
    stdout.write('b');
    await dropped;
    assert.match(messageOf(session.dropped.reason), /took no output for 0.001 seconds/);
  });

  it('has no input where the container has none', () => {
    assert.equal(new LateSession(false, false, wants).stdin, undefined);
  });

  it('is forgotten by the container when its client goes', () => {
    const live = new LiveContainers();
    const [gone, waiting] = [new LateSession(false, false, wants), new LateSession(false, false, wants)];
    live.addEarly('id', gone);
    live.addEarly('id', waiting);
    gone.close();
    const { hub } = processWith(false);
    const process = { pid: 1 } as Parameters<LiveContainers['add']>[1]['process'];
    live.add('id', { process, hub, oom: undefined, settled: Promise.resolve() });
    assert.equal(hub.clientCount, 1);
  });
});
