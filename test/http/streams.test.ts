import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventMessage, ProgressMessage } from '../../src/api/index.ts';
import { GantryError } from '../../src/base/index.ts';
import { containerId, FakeSession } from './fakes.ts';
import { startServer } from './harness.ts';
import { answerMistakes } from './schema.ts';

const frame = (stream: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);

test('wait answers its headers at once and the exit when it comes', async (t) => {
  const exit = Promise.withResolvers<{ StatusCode: number }>();
  const { dial, fakes } = await startServer(t, { containers: { wait: async () => ({ exit: exit.promise }) } });
  const client = await dial();
  client.post('/v1.50/containers/web/wait?condition=next-exit');
  const head = (await client.until('\r\n\r\n')).toString();
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /Content-Type: application\/json\r\n/);
  assert.equal(client.body().length, 0);
  assert.equal(fakes.calls[0]?.arguments[1], 'next-exit');
  exit.resolve({ StatusCode: 137 });
  await client.until('{"StatusCode":137}\n');
});

test('a wait that fails after its headers says so in its answer', async (t) => {
  const exit = Promise.withResolvers<never>();
  const { dial } = await startServer(t, { containers: { wait: async () => ({ exit: exit.promise }) } });
  const client = await dial();
  client.post('/v1.50/containers/web/wait');
  await client.until('\r\n\r\n');
  exit.reject(new Error('lost it'));
  await client.until('{"StatusCode":-1,"Error":{"Message":"lost it"}}\n');
});

test('wait conditions: unknown ones are refused, and before 1.30 there are none', async (t) => {
  const { ask, fakes } = await startServer(t);
  const refused = await ask('POST', '/containers/web/wait?condition=bored');
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.json(), { message: 'invalid condition: "bored"' });
  const old = await ask('POST', '/v1.29/containers/web/wait?condition=bored');
  assert.deepEqual(old.json(), { StatusCode: 3 });
  assert.equal(fakes.calls[0]?.arguments[1], 'not-running');
});

test('a client that leaves a wait aborts it', async (t) => {
  const aborted = Promise.withResolvers<void>();
  const { dial } = await startServer(t, {
    containers: {
      wait: async (_ref, _condition, signal) => {
        signal.addEventListener('abort', () => aborted.resolve());
        return { exit: new Promise(() => {}) };
      },
    },
  });
  const client = await dial();
  client.post('/containers/web/wait');
  await client.until('\r\n\r\n');
  client.socket.destroy();
  await aborted.promise;
});

test('logs are framed, or raw with a terminal, and typed accordingly', async (t) => {
  let session = new FakeSession();
  const { ask, fakes } = await startServer(t, { containers: { logs: async () => session } });
  session.print('stdout', 'out\n');
  session.print('stderr', 'err\n');
  session.finish();
  const framed = await ask('GET', '/v1.50/containers/web/logs?stdout=1&stderr=1&tail=5&since=1.5&until=7&timestamps=1');
  assert.equal(framed.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  assert.equal(framed.text, Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n')]).toString());
  assert.deepEqual(fakes.calls[0]?.arguments[1], {
    stdout: true,
    stderr: true,
    follow: false,
    timestamps: true,
    details: false,
    sinceNs: 1_500_000_000n,
    untilNs: 7_000_000_000n,
    tail: 5,
  });
  session = new FakeSession({ tty: true });
  session.print('stdout', 'out\r\n');
  session.finish();
  const raw = await ask('GET', '/v1.50/containers/web/logs?stdout=1&tail=all');
  assert.equal(raw.headers['content-type'], 'application/vnd.docker.raw-stream');
  assert.equal(raw.text, 'out\r\n');
});

test('logs without a stream and with a time that is none are refused', async (t) => {
  const { ask } = await startServer(t);
  const none = await ask('GET', '/containers/web/logs?follow=1');
  assert.equal(none.status, 400);
  assert.deepEqual(none.json(), { message: 'Bad parameters: you must choose at least one stream' });
  assert.equal((await ask('GET', '/containers/web/logs?stdout=1&since=yesterday')).status, 400);
});

test('logs that are followed come line by line and stop when the client goes', async (t) => {
  const session = new FakeSession();
  const { dial } = await startServer(t, { containers: { logs: async () => session } });
  const client = await dial();
  client.send('GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('\r\n\r\n');
  session.print('stdout', 'first\n');
  await client.until('first\n');
  client.socket.destroy();
  await session.closed.promise;
});

async function* failingOutput(): FakeSession['output'] {
  yield { stream: 'stdout', data: Buffer.from('one\n') };
  throw new Error('bad block');
}

test('a log that cannot be read to its end says so in a frame of its own', async (t) => {
  const { ask } = await startServer(t, {
    containers: { logs: async () => ({ tty: false, output: failingOutput(), close: () => {} }) },
  });
  const answer = await ask('GET', '/containers/web/logs?stdout=1');
  assert.equal(answer.status, 200);
  assert.equal(
    answer.text,
    Buffer.concat([frame(1, 'one\n'), frame(3, 'Error grabbing logs: bad block\n')]).toString(),
  );
});

test('a pull streams its progress as lines and passes on what was asked', async (t) => {
  const { ask, fakes } = await startServer(t);
  const auth = Buffer.from('{"username":"ada","password":"s~?cret","IdentityToken":"t"}').toString('base64url');
  const answer = await ask(
    'POST',
    '/images/create?fromImage=docker.io%2Flibrary%2Fbusybox&tag=latest&platform=linux/arm64',
    {
      headers: { 'X-Registry-Auth': auth },
    },
  );
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(
    answer.text,
    '{"status":"Pulling from library/busybox","id":"latest"}\r\n{"status":"Status: Downloaded newer image for busybox:latest"}\r\n',
  );
  assert.deepEqual(fakes.calls[0]?.arguments[0], {
    fromImage: 'docker.io/library/busybox',
    tag: 'latest',
    platform: 'linux/arm64',
    auth: { username: 'ada', password: 's~?cret', identitytoken: 't' },
  });
});

test('credentials that are empty or unreadable count as none', async (t) => {
  const { ask, fakes } = await startServer(t);
  for (const header of ['e30=', 'not base64 json!', Buffer.from('[1]').toString('base64')]) {
    assert.equal(
      (await ask('POST', '/images/create?fromImage=a', { headers: { 'X-Registry-Auth': header } })).status,
      200,
    );
    const request = fakes.calls.pop()?.arguments[0] as { auth: unknown };
    assert.equal(request.auth, undefined);
  }
});

test('a pull that fails before its first message has a status, later a message', async (t) => {
  let first: ProgressMessage | undefined;
  const { ask } = await startServer(t, {
    images: {
      pull: async (_request, report) => {
        if (first !== undefined) report(first);
        throw new GantryError('notFound', 'manifest for a:b not found: manifest unknown');
      },
    },
  });
  const early = await ask('POST', '/images/create?fromImage=a&tag=b');
  assert.equal(early.status, 404);
  assert.deepEqual(early.json(), { message: 'manifest for a:b not found: manifest unknown' });
  first = { status: 'Pulling' };
  const late = await ask('POST', '/images/create?fromImage=a&tag=b');
  assert.equal(late.status, 200);
  assert.equal(
    late.text,
    '{"status":"Pulling"}\r\n{"errorDetail":{"message":"manifest for a:b not found: manifest unknown"},"error":"manifest for a:b not found: manifest unknown"}\r\n',
  );
});

test('a pull without a reference and an import are refused', async (t) => {
  const { ask } = await startServer(t);
  assert.equal((await ask('POST', '/images/create')).status, 400);
  assert.equal((await ask('POST', '/images/create?fromSrc=-')).status, 501);
});

test('a client that leaves a pull aborts its signal', async (t) => {
  const aborted = Promise.withResolvers<void>();
  const { dial } = await startServer(t, {
    images: {
      pull: (_request, report, signal) => {
        report({ status: 'Pulling' });
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new GantryError('cancelled', 'the client has gone'));
            aborted.resolve();
          });
        });
      },
    },
  });
  const client = await dial();
  client.post('/images/create?fromImage=a');
  await client.until('Pulling');
  client.socket.destroy();
  await aborted.promise;
});

test('a client that does not read a pull gets the newest counts only, and all other messages', async (t) => {
  const gate = Promise.withResolvers<void>();
  const counts = 200_000;
  const { dial } = await startServer(t, {
    images: {
      pull: async (_request, report) => {
        report({ status: 'Pulling' });
        for (let current = 1; current <= counts; current += 1) {
          report({ status: 'Downloading', id: 'layer', progressDetail: { current, total: counts } });
        }
        await gate.promise;
        report({ status: 'Pull complete', id: 'layer' });
      },
    },
  });
  const client = await dial();
  client.post('/images/create?fromImage=a');
  await client.until(`"current":${counts},`);
  gate.resolve();
  const received = await client.until('Pull complete');
  assert.ok(received.length < 1_000_000, `${received.length} bytes`);
});

test('events come as lines, the headers before the first', async (t) => {
  const event = Promise.withResolvers<EventMessage>();
  const ended = Promise.withResolvers<void>();
  const { dial, fakes } = await startServer(t, {
    events: {
      async *events(_options, signal) {
        try {
          yield await event.promise;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          ended.resolve();
        }
      },
    },
  });
  const client = await dial();
  client.send(
    'GET /v1.50/events?since=1&filters=%7B%22type%22%3A%7B%22container%22%3Atrue%7D%7D HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  await client.until('\r\n\r\n');
  assert.equal(client.body().length, 0);
  event.resolve({
    Type: 'container',
    Action: 'start',
    Actor: { ID: containerId, Attributes: { image: 'busybox' } },
    scope: 'local',
    time: 1_795_362_530,
    timeNano: 1_795_362_530_145_321_000,
  });
  const received = (await client.until('}\n')).toString();
  assert.match(received, /\n\{"Type":"container","Action":"start",/);
  assert.match(received, /"timeNano":1795362530145321000\}\n/);
  assert.deepEqual(fakes.calls[0]?.arguments[0], {
    sinceNs: 1_000_000_000n,
    untilNs: undefined,
    filters: new Map([['type', new Set(['container'])]]),
  });
  client.socket.destroy();
  await ended.promise;
});

test('events that are refused have a status', async (t) => {
  const { ask } = await startServer(t, {
    events: {
      async *events({ filters }) {
        if (filters.size === 0) throw new GantryError('invalid', "invalid filter 'colour'");
        yield { Type: 'container' };
      },
    },
  });
  const answer = await ask('GET', '/events');
  assert.equal(answer.status, 400);
  assert.deepEqual(answer.json(), { message: "invalid filter 'colour'" });
  assert.equal((await ask('GET', '/events?since=9&until=8')).status, 400);
});

test('closing the server ends streams that would last for ever', async (t) => {
  const { dial, server } = await startServer(t, {
    containers: { wait: async () => ({ exit: new Promise(() => {}) }), logs: async () => new FakeSession() },
  });
  const waiting = await dial();
  waiting.post('/containers/web/wait');
  const following = await dial();
  following.send('GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  await waiting.until('\r\n\r\n');
  await following.until('\r\n\r\n');
  await server.close({ drainMs: 60_000 });
  await waiting.ended.promise;
  await following.ended.promise;
  assert.match(waiting.received.toString(), /"Error":\{"Message":"context canceled"\}/);
});

test('stats are streamed unless the client says otherwise, with every digit of their numbers', async (t) => {
  const { ask, fakes } = await startServer(t);
  const asked: [query: string, options: object][] = [
    ['', { stream: true, oneShot: false }],
    ['?stream=0', { stream: false, oneShot: false }],
    ['?stream=false&one-shot=1', { stream: false, oneShot: true }],
  ];
  for (const [query, options] of asked) {
    const answer = await ask('GET', `/containers/web/stats${query}`);
    assert.deepEqual(fakes.calls.pop()?.arguments.slice(0, 2), ['web', options]);
    assert.match(answer.text, /"limit":18446744073709551615}}\n$/);
    assert.deepEqual(answerMistakes('GET /containers/{id}/stats', 200, answer.json()), []);
  }
  await ask('GET', '/v1.40/containers/web/stats?stream=0&one-shot=1');
  assert.deepEqual(fakes.calls.pop()?.arguments[1], { stream: false, oneShot: false });
});

test('an update of the limit of pids came with 1.40, and needs a body', async (t) => {
  const { ask, fakes } = await startServer(t);
  await ask('POST', '/v1.39/containers/web/update', { body: { PidsLimit: 5, CpuShares: 9 } });
  assert.deepEqual(fakes.calls.pop()?.arguments[1], { PidsLimit: undefined, CpuShares: 9 });
  assert.equal((await ask('POST', '/containers/web/update')).status, 400);
});
