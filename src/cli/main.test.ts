import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { frameHeader } from '../base/index.ts';
import { main } from './main.ts';
import { progressText, ProgressView } from './progress.ts';
import { fakeWorld, type FakeWorld } from './testing/fakeWorld.ts';

const id = 'ab'.repeat(32);

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface Daemon {
  readonly host: string;
  readonly requests: string[];
}

/** A daemon that answers by the first route that a request's `METHOD path` begins with, and hijacks by `onAttach`. */
async function daemon(
  context: TestContext,
  routes: Readonly<Record<string, Answer>>,
  onAttach: (socket: Socket) => void = () => {},
): Promise<Daemon> {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-cli-'));
  const path = join(folder, 'daemon.sock');
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const line = `${request.method} ${(request.url ?? '').replace(/^\/v[\d.]+/, '')}`;
    if (request.url === '/_ping') return response.setHeader('Api-Version', '1.50').end();
    requests.push(line);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = Object.entries(routes).find(([route]) => line.startsWith(route))?.[1];
      if (answer !== undefined) return answer(request, response, Buffer.concat(chunks).toString());
      response.statusCode = 404;
      return response.end(JSON.stringify({ message: `no route for ${line}` }));
    });
    return response;
  });
  server.on('upgrade', (request, socket: Socket) => {
    requests.push(`${request.method} ${(request.url ?? '').replace(/^\/v[\d.]+/, '')}`);
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    onAttach(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await promise;
  context.after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });
  return { host: `unix://${path}`, requests };
}

const json =
  (value: unknown, status = 200): Answer =>
  (_request, response) => {
    response.statusCode = status;
    response.end(JSON.stringify(value));
  };

const empty: Answer = (_request, response) => {
  response.statusCode = 204;
  response.end();
};

async function gantry(host: string, ...args: string[]): Promise<FakeWorld & { readonly status: number }> {
  const fake = fakeWorld({ environment: { DOCKER_HOST: host } });
  fake.stdin.end();
  return { ...fake, status: await main(args, fake.world) };
}

function frame(stream: 'stdout' | 'stderr', text: string): Buffer {
  return Buffer.concat([frameHeader(stream, text.length), Buffer.from(text)]);
}

test('run is create, attach, wait, start; both streams and the status come back', async (context) => {
  const finish = Promise.withResolvers<void>();
  let attached: Socket | undefined;
  const { host, requests } = await daemon(
    context,
    {
      'POST /containers/create': json({ Id: id, Warnings: ['careful'] }, 201),
      [`POST /containers/${id}/wait`]: (_request, response) => {
        response.flushHeaders();
        void finish.promise.then(() => response.end('{"StatusCode":7}'));
      },
      [`POST /containers/${id}/start`]: (_request, response) => {
        response.statusCode = 204;
        response.end();
        attached?.end(Buffer.concat([frame('stdout', 'out\n'), frame('stderr', 'err\n')]));
        finish.resolve();
      },
    },
    (socket) => {
      attached = socket;
    },
  );
  const { status, stdout, stderr } = await gantry(host, 'run', '--rm', 'alpine', 'true');
  assert.deepEqual([status, stdout(), stderr()], [7, 'out\n', 'WARNING: careful\nerr\n']);
  assert.deepEqual(requests, [
    'POST /containers/create',
    `POST /containers/${id}/attach?stderr=1&stdout=1&stream=1`,
    `POST /containers/${id}/wait?condition=removed`,
    `POST /containers/${id}/start`,
  ]);
});

test('a missing image is told, pulled and created again', async (context) => {
  let there = false;
  const { host, requests } = await daemon(context, {
    'POST /containers/create': (request, response, body) => {
      assert.match(body, /"Image":"alpine"/);
      if (there) return json({ Id: id, Warnings: [] }, 201)(request, response, body);
      return json({ message: 'No such image: alpine:latest' }, 404)(request, response, body);
    },
    'POST /images/create?fromImage=docker.io%2Flibrary%2Falpine&tag=latest': (_request, response) => {
      there = true;
      response.end(
        '{"status":"Pulling from library/alpine","id":"latest"}\r\n{"status":"Downloading","id":"x","progressDetail":{"current":1,"total":2}}\r\n',
      );
    },
    [`POST /containers/${id}/start`]: empty,
  });
  const { status, stdout, stderr } = await gantry(host, 'run', '-d', 'alpine');
  assert.deepEqual([status, stdout()], [0, `${id}\n`]);
  assert.equal(stderr(), "Unable to find image 'alpine:latest' locally\nlatest: Pulling from library/alpine\n");
  assert.equal(requests.length, 4);
});

test('what keeps a container from starting decides the status', async (context) => {
  for (const [message, expected] of [
    ['exec: "x": executable file not found in $PATH', 127],
    ['exec: "/etc": permission denied', 126],
    ['no space left', 125],
  ] as const) {
    const { host } = await daemon(context, {
      'POST /containers/create': json({ Id: id, Warnings: null }, 201),
      [`POST /containers/${id}/start`]: json({ message }, 400),
    });
    const { status, stderr } = await gantry(host, 'run', '-d', 'alpine', 'x');
    assert.equal(status, expected);
    assert.equal(
      stderr(),
      `gantry: Error response from daemon: ${message}\n\nRun 'gantry run --help' for more information\n`,
    );
  }
});

test('several targets: what went well is printed, what did not is told one a line', async (context) => {
  const { host } = await daemon(context, {
    'DELETE /containers/a': empty,
    'DELETE /containers/b': json({ message: 'No such container: b' }, 404),
    'DELETE /containers/c': empty,
  });
  const { status, stdout, stderr } = await gantry(host, 'rm', 'a', 'b', 'c');
  assert.deepEqual([status, stdout(), stderr()], [1, 'a\nc\n', 'Error response from daemon: No such container: b\n']);
});

test('ps shows the columns that scripts know, and any other that is asked for', async (context) => {
  const { host, requests } = await daemon(context, {
    'GET /containers/json': json([
      {
        Id: id,
        Names: ['/web', '/other/link'],
        Image: 'nginx',
        ImageID: 'sha256:1',
        Command: "sh -c 'echo out; sleep 1'",
        Created: Date.UTC(2026, 0, 2) / 1000 - 3600,
        Ports: [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
        State: 'running',
        Status: 'Up 5 minutes',
        Labels: { b: '2', a: '1' },
      },
    ]),
  });
  assert.equal(
    (await gantry(host, 'ps')).stdout(),
    'CONTAINER ID   IMAGE     COMMAND                  CREATED             STATUS         PORTS                    NAMES\n' +
      `${id.slice(0, 12)}   nginx     "sh -c 'echo out; sl…"   About an hour ago   Up 5 minutes   127.0.0.1:8080->80/tcp   web\n`,
  );
  assert.equal(
    (await gantry(host, 'ps', '--format', 'table{{.Names}}\t table{{.Image}}')).stdout(),
    'NAMES      tableIMAGE\nweb        tablenginx\n',
  );
  assert.equal((await gantry(host, 'ps', '--format', '{{.Label "a"}} {{.Labels}}')).stdout(), '1 a=1,b=2\n');
  assert.equal((await gantry(host, 'ps', '-q', '--no-trunc')).stdout(), `${id}\n`);
  await gantry(host, 'container', 'ls', '-an', '2', '-f', 'name=x');
  assert.match(requests.at(-1) ?? '', /json\?all=1&filters=%7B%22name%22%3A%7B%22x%22%3Atrue%7D%7D&limit=2$/);
});

test('inspect prints what it found as the daemon wrote it, and tells what it did not', async (context) => {
  const { host } = await daemon(context, {
    'GET /containers/a/json': (_request, response) => response.end('{"Id":"x","Big":9223372036854771712,"E":[]}\n'),
  });
  const { status, stdout, stderr } = await gantry(host, 'inspect', 'a', 'nosuch');
  assert.equal(
    stdout(),
    '[\n    {\n        "Id": "x",\n        "Big": 9223372036854771712,\n        "E": []\n    }\n]\n',
  );
  assert.deepEqual([status, stderr()], [1, 'Error: No such object: nosuch\n']);
});

test('logs keep both streams apart', async (context) => {
  const { host, requests } = await daemon(context, {
    'GET /containers/a/json': json({ Id: id, Config: { Tty: false } }),
    [`GET /containers/${id}/logs`]: (_request, response) => {
      response.write(frame('stdout', 'one\n').subarray(0, 5));
      response.end(Buffer.concat([frame('stdout', 'one\n').subarray(5), frame('stderr', 'two\n')]));
    },
  });
  const { stdout, stderr } = await gantry(host, 'logs', '-n', '5', '-t', 'a');
  assert.deepEqual([stdout(), stderr()], ['one\n', 'two\n']);
  assert.match(requests.at(-1) ?? '', /logs\?stderr=1&stdout=1&tail=5&timestamps=1$/);
});

test('prune asks first, and no answer means no', async (context) => {
  const { host, requests } = await daemon(context, {
    'POST /containers/prune': json({ ContainersDeleted: ['a', 'b'], SpaceReclaimed: 2000 }),
  });
  const asked = await gantry(host, 'container', 'prune');
  assert.deepEqual([asked.status, requests.length], [0, 0]);
  assert.match(asked.stdout(), /^WARNING! This will remove all stopped containers\.\nAre you sure .* \[y\/N\] $/);
  const forced = await gantry(host, 'container', 'prune', '-f');
  assert.equal(forced.stdout(), 'Deleted Containers:\na\nb\n\nTotal reclaimed space: 2kB\n');
});

test('a wrong command line is told with its usage and the status that scripts know', async () => {
  const cases: [string[], number, string][] = [
    [
      ['run', '--foo'],
      125,
      "unknown flag: --foo\n\nUsage:  gantry run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'gantry run --help' for more information\n",
    ],
    [
      ['run'],
      1,
      "gantry: 'gantry run' requires at least 1 argument\n\nUsage:  gantry run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nSee 'gantry run --help' for more information\n",
    ],
    [
      ['container', 'ls', 'x'],
      1,
      "gantry: 'gantry container ls' accepts no arguments\n\nUsage:  gantry container ls [OPTIONS]\n\nRun 'gantry container ls --help' for more information\n",
    ],
    [
      ['pss'],
      1,
      "gantry: unknown command: gantry pss\n\nDid you mean this?\n\tps\n\nRun 'gantry --help' for more information\n",
    ],
    [['help', 'foo'], 1, 'unknown help topic: foo\n'],
  ];
  for (const [args, status, text] of cases) {
    const result = await gantry('unix:///nowhere.sock', ...args);
    assert.deepEqual([result.status, result.stderr()], [status, text]);
  }
});

test('every command has help and is reached by all its names', async () => {
  const top = (await gantry('unix:///nowhere.sock')).stdout();
  const names = [...top.matchAll(/^ {2}([a-z]+) +[A-Z]/gm)].map(([, name]) => name ?? '');
  assert.ok(names.length > 25);
  for (const name of names) {
    const { status, stdout } = await gantry('unix:///nowhere.sock', name, '--help');
    assert.equal(status, 0);
    assert.match(stdout(), new RegExp(`^Usage: {2}gantry ${name}`));
  }
  const listed = (await gantry('unix:///nowhere.sock', 'container', 'list', '--help')).stdout();
  assert.match(listed, /Aliases:\n {2}gantry container ls, gantry container list, gantry container ps, gantry ps\n/);
});

test('progress: lines are drawn anew on a terminal, figures stay away from pipes', async () => {
  const messages = [
    { status: 'Pulling from x', id: 'latest' },
    { status: 'Downloading', id: 'a', progressDetail: { current: 5, total: 10 } },
    { status: 'Waiting', id: 'b', progressDetail: {} },
    { status: 'Pull complete', id: 'a', progressDetail: {} },
  ];
  const terminal = fakeWorld({ terminal: { columns: 80, rows: 24 } });
  const view = new ProgressView(terminal.world.stdout);
  for (const message of messages) await view.show(message);
  const [first = '', ...others] = terminal.stdout().split('\n').slice(1);
  assert.match(first, /^a: Downloading \[=+> +\] +5B\/10B$/);
  assert.deepEqual(others, ['b: Waiting', '\u001B[2A\r\u001B[2Ka: Pull complete\r\u001B[2B']);
  const pipe = fakeWorld({});
  const plain = new ProgressView(pipe.world.stdout);
  for (const message of messages) await plain.show(message);
  assert.equal(pipe.stdout(), 'latest: Pulling from x\nb: Waiting\na: Pull complete\n');
  await assert.rejects(plain.show({ error: 'short', errorDetail: { message: 'long' } }), { message: 'long' });
  assert.equal(progressText({ progressDetail: { current: 2000 } }, 80), '     2kB');
});
