import assert from 'node:assert/strict';
import { test } from 'node:test';

import { declinedRoutes, servedRoutes } from '../../src/api/index.ts';
import { type ErrorKind, GantryError } from '../../src/base/index.ts';
import { containerId, execId, type fakeBackends } from './fakes.ts';
import { type Ask, startServer } from './harness.ts';
import { answerMistakes, mistakes, operations } from './schema.ts';

interface Case extends Ask {
  /** `METHOD /path` of the document. */
  readonly operation: string;
  readonly path: string;
  readonly status: number;
  /** The backend's function and what it must be called with. */
  readonly calls: readonly [name: string, ...given: unknown[]];
}

const noOptions = { timeoutSeconds: undefined, signal: undefined };
const emptyFilters = new Map();

const cases: readonly Case[] = [
  { operation: 'GET /version', path: '/version', status: 200, calls: ['version'] },
  { operation: 'GET /info', path: '/info', status: 200, calls: ['info'] },
  {
    operation: 'POST /containers/create',
    path: '/containers/create?name=web&platform=linux/amd64',
    body: { image: 'busybox', Cmd: 'true', Tty: null, HostConfig: { memory: 1024 }, Unknown: [1] },
    status: 201,
    calls: [
      'create',
      { name: 'web', platform: 'linux/amd64', body: { Image: 'busybox', Cmd: ['true'], HostConfig: { Memory: 1024 } } },
    ],
  },
  {
    operation: 'GET /containers/json',
    path: `/containers/json?all=1&limit=-1&size=0&filters=${encodeURIComponent('{"label":{"a=b":true},"status":["exited"]}')}`,
    status: 200,
    calls: [
      'list',
      {
        all: true,
        limit: undefined,
        size: false,
        filters: new Map([
          ['label', new Set(['a=b'])],
          ['status', new Set(['exited'])],
        ]),
      },
    ],
  },
  { operation: 'POST /containers/prune', path: '/containers/prune', status: 200, calls: ['prune', emptyFilters] },
  {
    operation: 'GET /containers/{id}/json',
    path: '/containers/web/json?size=true',
    status: 200,
    calls: ['inspect', 'web', { size: true }],
  },
  { operation: 'POST /containers/{id}/start', path: '/containers/web/start', status: 204, calls: ['start', 'web'] },
  {
    operation: 'POST /containers/{id}/stop',
    path: '/containers/web/stop?t=-1&signal=INT',
    status: 204,
    calls: ['stop', 'web', { timeoutSeconds: -1, signal: 'INT' }],
  },
  {
    operation: 'POST /containers/{id}/restart',
    path: '/containers/web/restart',
    status: 204,
    calls: ['restart', 'web', noOptions],
  },
  {
    operation: 'POST /containers/{id}/kill',
    path: '/containers/web/kill?signal=WINCH',
    status: 204,
    calls: ['kill', 'web', 'WINCH'],
  },
  {
    operation: 'POST /containers/{id}/rename',
    path: '/containers/web/rename?name=shop',
    status: 204,
    calls: ['rename', 'web', 'shop'],
  },
  { operation: 'POST /containers/{id}/pause', path: '/containers/web/pause', status: 204, calls: ['pause', 'web'] },
  {
    operation: 'POST /containers/{id}/unpause',
    path: '/containers/web/unpause',
    status: 204,
    calls: ['unpause', 'web'],
  },
  {
    operation: 'GET /containers/{id}/top',
    path: '/containers/%2Fweb/top?ps_args=aux',
    status: 200,
    calls: ['top', '/web', 'aux'],
  },
  {
    operation: 'POST /containers/{id}/update',
    path: '/containers/web/update',
    body: { memory: 1024, PidsLimit: null, RestartPolicy: { Name: 'always' }, Unknown: 1 },
    status: 200,
    calls: ['update', 'web', { Memory: 1024, RestartPolicy: { Name: 'always' } }],
  },
  {
    operation: 'GET /containers/{id}/changes',
    path: '/containers/web/changes',
    status: 200,
    calls: ['changes', 'web'],
  },
  {
    operation: 'POST /commit',
    path: '/commit?container=web&repo=shop&tag=1&comment=c&author=a&pause=0&changes=USER+a&changes=CMD+b',
    status: 201,
    calls: [
      'commit',
      {
        container: 'web',
        repo: 'shop',
        tag: '1',
        comment: 'c',
        author: 'a',
        pause: false,
        changes: ['USER a', 'CMD b'],
        config: undefined,
      },
    ],
  },
  {
    operation: 'POST /containers/{id}/resize',
    path: '/containers/web/resize?h=40&w=120',
    status: 200,
    calls: ['resize', 'web', { height: 40, width: 120 }],
  },
  {
    operation: 'DELETE /containers/{id}',
    path: '/containers/web?force=1&v=True',
    status: 204,
    calls: ['remove', 'web', { force: true, volumes: true, link: false }],
  },
  {
    operation: 'POST /containers/{id}/exec',
    path: '/containers/web/exec',
    body: { Cmd: ['true'], AttachStdout: true },
    status: 201,
    calls: ['create', 'web', { Cmd: ['true'], AttachStdout: true }],
  },
  { operation: 'GET /exec/{id}/json', path: `/exec/${execId}/json`, status: 200, calls: ['inspect', execId] },
  {
    operation: 'POST /exec/{id}/resize',
    path: `/exec/${execId}/resize?h=1&w=2`,
    status: 200,
    calls: ['resize', execId, { height: 1, width: 2 }],
  },
  {
    operation: 'GET /images/json',
    path: '/images/json?digests=1&manifests=1',
    status: 200,
    calls: ['list', { all: false, digests: true, sharedSize: false, manifests: true, filters: emptyFilters }],
  },
  {
    operation: 'GET /images/{name}/json',
    path: '/images/localhost:5000/team/app:1.0/json',
    status: 200,
    calls: ['inspect', 'localhost:5000/team/app:1.0', { platform: undefined, manifests: false }],
  },
  {
    operation: 'GET /images/{name}/history',
    path: '/images/docker.io%2Flibrary%2Fbusybox%3Alatest/history',
    status: 200,
    calls: ['history', 'docker.io/library/busybox:latest', { platform: undefined }],
  },
  {
    operation: 'POST /images/{name}/tag',
    path: '/images/team/json/tag?repo=localhost:5000/x&tag=2',
    status: 201,
    calls: ['tag', 'team/json', { repo: 'localhost:5000/x', tag: '2' }],
  },
  {
    operation: 'DELETE /images/{name}',
    path: '/images/team/app@sha256:0123?force=1&noprune=1',
    status: 200,
    calls: ['remove', 'team/app@sha256:0123', { force: true, noPrune: true }],
  },
  { operation: 'POST /images/prune', path: '/images/prune', status: 200, calls: ['prune', emptyFilters] },
];

const backendOf = (path: string, operation: string): keyof NonNullable<Parameters<typeof fakeBackends>[0]> => {
  if (operation.includes('exec')) return 'execs';
  if (path.startsWith('/containers') || path.startsWith('/commit')) return 'containers';
  return path.startsWith('/images') ? 'images' : 'system';
};

async function fail(): Promise<never> {
  throw new GantryError('notFound', 'No such thing: <x>', { hint: 'Look elsewhere.' });
}

for (const { operation, path, status, calls, ...ask } of cases) {
  const [method = ''] = operation.split(' ');

  test(`${operation} decodes its request and answers as the document says`, async (t) => {
    const { ask: send, fakes } = await startServer(t);
    for (const prefix of ['/v1.50', '']) {
      const answer = await send(method, `${prefix}${path}`, ask);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers['api-version'], '1.50');
      assert.equal(answer.headers.server, 'Gantry/9.8.7 (linux)');
      assert.deepEqual(fakes.calls.pop(), { name: calls[0], arguments: calls.slice(1) });
      const body = answer.text === '' ? undefined : answer.json();
      if (body !== undefined) assert.equal(answer.headers['content-type'], 'application/json');
      assert.deepEqual(answerMistakes(operation, status, body), []);
    }
  });

  test(`${operation} answers a failure as an error of the API`, async (t) => {
    const { ask: send } = await startServer(t, { [backendOf(path, operation)]: { [calls[0]]: fail } });
    const answer = await send(method, path, ask);
    assert.equal(answer.status, 404);
    assert.equal(answer.text, '{"message":"No such thing: <x>","hint":"Look elsewhere."}\n');
    assert.deepEqual(mistakes({ $ref: '#/components/schemas/ErrorResponse' }, answer.json()), []);
  });
}

test('every route of the document is in the tables', () => {
  const known = new Set(
    [...servedRoutes, ...declinedRoutes].map(({ method, path }) => `${method} ${path.replace('...}', '}')}`),
  );
  assert.deepEqual(
    [...operations.keys()].filter((key) => !known.has(key)),
    [],
  );
});

test('every route that is not served answers 501 and says which it is', async (t) => {
  const { ask } = await startServer(t);
  for (const { method, path } of declinedRoutes) {
    const answer = await ask(method, `/v1.45${path.replace(/\{\w+\.\.\.\}/, 'a/b').replace(/\{\w+\}/, 'a')}`);
    assert.equal(answer.status, 501, path);
    assert.deepEqual(answer.json(), { message: `${method} ${path} is not supported by this engine` });
  }
});

test('unknown paths and known paths with another method are not found', async (t) => {
  const { ask } = await startServer(t);
  for (const [method, path] of [
    ['GET', '/nope'],
    ['GET', '/v1.50'],
    ['GET', '/v1.50/'],
    ['PUT', '/containers/json'],
    ['POST', '/containers/a/b/start'],
    ['GET', '/containers//json/'],
    ['PATCH', '/version'],
  ] as const) {
    const answer = await ask(method, path);
    assert.equal(answer.status, 404, `${method} ${path}`);
    assert.deepEqual(answer.json(), { message: 'page not found' });
  }
});

test('each kind of error has its status; a defect is 500 and leaves its stack in the log', async (t) => {
  const statuses: readonly (readonly [ErrorKind, number])[] = [
    ['invalid', 400],
    ['unauthorized', 401],
    ['forbidden', 403],
    ['notFound', 404],
    ['conflict', 409],
    ['internal', 500],
    ['notImplemented', 501],
    ['unavailable', 503],
  ];
  let next: unknown;
  const { ask, logLines } = await startServer(t, {
    containers: {
      start: async () => {
        throw next;
      },
    },
  });
  for (const [kind, status] of statuses) {
    next = new GantryError(kind, `it is ${kind}`);
    const answer = await ask('POST', '/containers/web/start');
    assert.equal(answer.status, status);
    assert.deepEqual(answer.json(), { message: `it is ${kind}` });
  }
  next = new GantryError('notModified', 'already so');
  const unchanged = await ask('POST', '/containers/web/start');
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.text, '');
  next = new TypeError('cannot read properties of undefined');
  const defect = await ask('POST', '/containers/web/start');
  assert.equal(defect.status, 500);
  assert.deepEqual(defect.json(), { message: 'cannot read properties of undefined' });
  assert.ok(logLines.some((line) => line.includes('level=error') && line.includes('routes.test.ts')));
});

test('the query stays out of the log', async (t) => {
  const { ask, logLines } = await startServer(t);
  await ask('GET', '/containers/json?secret=hunter2');
  assert.ok(logLines.some((line) => line.includes('path=/containers/json')));
  assert.ok(!logLines.some((line) => line.includes('hunter2')));
});

test('ping answers with what clients negotiate by', async (t) => {
  const { ask } = await startServer(t);
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, text } = await ask(method, '/_ping');
    assert.equal(status, 200);
    assert.equal(text, method === 'GET' ? 'OK' : '');
    assert.equal(headers['content-length'], method === 'GET' ? '2' : '0');
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-cache, no-store, must-revalidate');
    assert.equal(headers.pragma, 'no-cache');
    assert.equal(headers['api-version'], '1.50');
    assert.equal(headers['docker-experimental'], 'false');
    assert.equal(headers.ostype, 'linux');
    assert.equal(headers['swarm'], 'inactive');
    assert.equal(headers['builder-version'], '1');
  }
});

test('an inspect of the full shape passes the document at every version', async (t) => {
  const { ask } = await startServer(t);
  for (let minor = 24; minor <= 50; minor += 1) {
    const answer = await ask('GET', `/v1.${minor}/containers/${containerId}/json`);
    assert.deepEqual(answerMistakes('GET /containers/{id}/json', answer.status, answer.json()), []);
  }
});
