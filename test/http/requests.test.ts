import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../support/run.ts';
import { startServer } from './harness.ts';

const create = '/v1.50/containers/create';
const json = { 'Content-Type': 'application/json' };

test('versions outside of 1.24 to 1.50 are refused in the words that clients know', async (t) => {
  const { ask } = await startServer(t);
  const tooOld = await ask('GET', '/v1.23/version');
  assert.equal(tooOld.status, 400);
  assert.deepEqual(tooOld.json(), {
    message:
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  });
  const tooNew = await ask('GET', '/v1.99/version');
  assert.equal(tooNew.status, 400);
  assert.deepEqual(tooNew.json(), {
    message: 'client version 1.99 is too new. Maximum supported API version is 1.50',
  });
  assert.equal((await ask('GET', '/v1.24/version')).status, 200);
  assert.equal((await ask('GET', '/v1..5/version')).status, 400);
});

test('bodies of another type, of another shape and that are no JSON are refused', async (t) => {
  const { ask, fakes } = await startServer(t);
  const text = await ask('POST', create, { headers: { 'Content-Type': 'text/plain' }, body: '{"Image":"a"}' });
  assert.deepEqual(
    [text.status, text.json()],
    [400, { message: "unsupported Content-Type header (text/plain): must be 'application/json'" }],
  );
  const wrong = await ask('POST', create, { body: { Image: 'a', Tty: 'yes' } });
  assert.deepEqual(
    [wrong.status, wrong.json()],
    [400, { message: 'invalid JSON: ContainerConfig.Tty is of type boolean, not string' }],
  );
  for (const body of ['{"Image":', '{} {}', '[]', '"text"', '{"HostConfig":{"Memory":1.5}}']) {
    assert.equal((await ask('POST', create, { headers: json, body })).status, 400, body);
  }
  for (const body of [undefined, 'null', '{}']) {
    const empty = await ask('POST', create, { headers: json, body });
    assert.deepEqual(
      [empty.status, empty.json()],
      [400, { message: 'config cannot be empty in order to create a container' }],
    );
  }
  assert.deepEqual(fakes.calls, []);
  const charset = { 'Content-Type': 'application/json; charset=utf-8' };
  assert.equal((await ask('POST', create, { headers: charset, body: '{"Image":"a"}' })).status, 201);
});

test('a body that is too long is refused', async (t) => {
  const { ask } = await startServer(t);
  const body = JSON.stringify({ Image: 'a'.repeat(17 * 1024 * 1024) });
  const answer = await ask('POST', create, { headers: json, body });
  assert.equal(answer.status, 400);
  assert.match(answer.text, /longer than 16777216 bytes/);
});

test('filters that are no map and numbers that are none are refused', async (t) => {
  const { ask } = await startServer(t);
  for (const filters of ['[', '[]', '"a"', '{"label":1}', '{"label":{"a":"b"}}', '{"label":[1]}']) {
    const answer = await ask('GET', `/containers/json?filters=${encodeURIComponent(filters)}`);
    assert.equal(answer.status, 400, filters);
    assert.match(answer.text, /invalid filter/);
  }
  assert.equal((await ask('GET', '/containers/json?limit=many')).status, 400);
  assert.equal((await ask('POST', '/containers/web/stop?t=1s')).status, 400);
  assert.equal((await ask('POST', '/containers/web/resize?h=1')).status, 400);
  assert.equal((await ask('GET', '/containers/%zz/json')).status, 400);
});

test('a start with a body is refused', async (t) => {
  const { ask } = await startServer(t);
  const answer = await ask('POST', '/containers/web/start', { body: { Binds: [] } });
  assert.equal(answer.status, 400);
  assert.equal((await ask('POST', '/containers/web/start', { body: {} })).status, 204);
});

test('an exec without a command is refused', async (t) => {
  const { ask } = await startServer(t);
  const answer = await ask('POST', '/containers/web/exec', { body: { Cmd: [] } });
  assert.deepEqual([answer.status, answer.json()], [400, { message: 'No exec command specified' }]);
});

test('a client that goes before the end of its request is no failure of the daemon', async (t) => {
  const { dial, logLines } = await startServer(t);
  const client = await dial();
  client.send('POST /containers/web/exec HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
  client.send('Content-Length: 100\r\n\r\n{"Cmd"');
  client.socket.end();
  await client.ended.promise;
  await eventually('the request is logged', async () => logLines.some((line) => line.includes('msg=request')));
  assert.deepEqual(
    logLines.filter((line) => line.includes('level=error')),
    [],
  );
});

test('older clients do not send what came later', async (t) => {
  const { ask, fakes } = await startServer(t);
  const lastArgument = (): unknown => fakes.calls.pop()?.arguments.at(-1);
  await ask('POST', '/v1.41/containers/web/stop?signal=INT&t=3', {});
  assert.deepEqual(lastArgument(), { timeoutSeconds: 3, signal: undefined });
  await ask('POST', '/v1.24/containers/create?platform=linux/arm64', {
    body: { Image: 'a', HostConfig: { AutoRemove: true, ConsoleSize: [1, 2], Annotations: { a: 'b' }, PidsLimit: 0 } },
  });
  assert.deepEqual(lastArgument(), {
    name: undefined,
    platform: undefined,
    body: { Image: 'a', HostConfig: { IpcMode: 'shareable', CgroupnsMode: 'host', Mounts: undefined } },
  });
  const networks = { EndpointsConfig: { one: {}, two: {} } };
  const several = await ask('POST', '/v1.43/containers/create', { body: { Image: 'a', NetworkingConfig: networks } });
  assert.equal(several.status, 400);
});

test('older clients get the shapes that they know', async (t) => {
  const { ask } = await startServer(t);
  const image = async (version: string): Promise<Record<string, unknown>> =>
    (await ask('GET', `/v${version}/images/busybox/json`)).json() as Record<string, unknown>;
  assert.deepEqual((await image('1.50'))['Config'], { Env: ['PATH=/bin'], Cmd: ['sh'] });
  assert.equal((await image('1.43'))['VirtualSize'], 4_000_000);
  assert.ok(!('VirtualSize' in (await image('1.44'))));
  const { Config: config } = (await image('1.45')) as { Config: Record<string, unknown> };
  assert.equal(config['Hostname'], '');
  assert.equal(config['Entrypoint'], null);
  const listed = (await ask('GET', '/v1.42/images/json')).json() as Record<string, unknown>[];
  assert.deepEqual(listed[0]?.['RepoTags'], ['<none>:<none>']);
  assert.equal(listed[0]?.['VirtualSize'], 4_000_000);
  const container = (await ask('GET', '/v1.44/containers/web/json')).json() as {
    NetworkSettings: { Networks: Record<string, { Aliases: string[] | null }> };
  };
  assert.ok(!('ImageManifestDescriptor' in container));
  assert.deepEqual(container.NetworkSettings.Networks['own']?.Aliases, ['web', 'aaaaaaaaaaaa']);
  assert.equal(container.NetworkSettings.Networks['bridge']?.Aliases, null);
});

test('bytes that are no HTTP get 400 and the connection ends', async (t) => {
  const { dial } = await startServer(t);
  const client = await dial();
  client.send('\x16\x03\x01 this is no request\r\n\r\n');
  await client.ended.promise;
  assert.match(client.received.toString(), /^HTTP\/1\.1 400 Bad Request\r\n/);
});
