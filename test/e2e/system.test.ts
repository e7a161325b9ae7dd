import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { request } from '../support/http.ts';
import {
  api,
  apiVersionFrom,
  docker,
  dockerInBackground,
  engine,
  failureOf,
  library,
  stdoutOf,
  uniqueName,
} from './harness.ts';

suite('system', { concurrency: 3 }, () => {
  test('version names client and server', async () => {
    const version = JSON.parse(await stdoutOf(['version', '--format', '{{json .}}']));
    assert.match(version.Server.ApiVersion, /^1\.\d+$/);
    assert.equal(version.Server.Os, 'linux');
    assert.ok(version.Server.Version);
    assert.match(await stdoutOf(['version']), /Client:[^]*Server:/);
  });

  test('info tells what the daemon is and runs', async () => {
    const info = JSON.parse(await stdoutOf(['info', '--format', '{{json .}}']));
    assert.equal(info.OSType, 'linux');
    assert.ok(info.NCPU >= 1);
    assert.ok(info.MemTotal > 1_000_000);
    assert.ok(info.Images >= 1);
    assert.ok(info.Driver);
    assert.match(await stdoutOf(['info']), /Server Version: /);
  });

  test('_ping carries what clients negotiate by', async () => {
    for (const method of ['GET', 'HEAD']) {
      const pong = await api(method, '/_ping');
      assert.equal(pong.status, 200);
      assert.match(String(pong.headers['api-version']), /^1\.\d+$/);
      assert.equal(pong.headers['ostype'], 'linux');
      assert.match(String(pong.headers['content-type']), /^text\/plain/);
      assert.equal(pong.text, method === 'GET' ? 'OK' : '');
    }
  });

  test('paths work without a version, with the oldest and with the newest', async () => {
    const { ApiVersion } = (await api('GET', '/version')).json() as { ApiVersion: string };
    for (const version of ['', '/v1.24', `/v${ApiVersion}`]) {
      const answer = await api('GET', `${version}/containers/json`);
      assert.equal(answer.status, 200, version);
      assert.ok(Array.isArray(answer.json()));
    }
  });

  test('a version that is too new is refused', async () => {
    const answer = await api('GET', '/v1.999/containers/json');
    assert.equal(answer.status, 400);
    assert.match((answer.json() as { message: string }).message, /client version 1\.999 is too new/);
  });

  test('an unknown path answers 404 in the error form', async () => {
    const answer = await api('GET', '/v1.41/no/such/thing');
    assert.equal(answer.status, 404);
    assert.equal((answer.json() as { message: string }).message, 'page not found');
  });

  test('an unknown container answers 404 with the text that clients match', async () => {
    const answer = await api('GET', '/v1.41/containers/no-such-one/json');
    assert.equal(answer.status, 404);
    assert.equal((answer.json() as { message: string }).message, 'No such container: no-such-one');
  });

  test('a body that is not JSON answers 400', async () => {
    // dockerd took its own decoder's errors for internal ones then
    const status = (await apiVersionFrom(1.42)) ? 400 : 500;
    for (const body of ['{"Image": ', 'nonsense', '{"Image": 3}']) {
      const answer = await api('POST', '/v1.41/containers/create', { body });
      assert.equal(answer.status, status, body);
      assert.ok((answer.json() as { message: string }).message);
    }
  });

  test('a body of another type answers 400 or 415', async () => {
    const headers = { 'content-type': 'text/plain' };
    const answer = await api('POST', '/v1.41/containers/create', { body: '{}', headers });
    assert.ok([400, 415].includes(answer.status), String(answer.status));
  });

  test('unknown fields are accepted and keys match in any case', async (t) => {
    const body = { image: library('alpine'), CMD: ['true'], NotAField: { deep: [1] } };
    const answer = await api('POST', `/v1.41/containers/create?name=${uniqueName()}`, { body });
    assert.equal(answer.status, 201, answer.text);
    const { Id, Warnings } = answer.json() as { Id: string; Warnings: string[] };
    t.after(() => docker(['rm', '-f', Id]));
    assert.match(Id, /^[0-9a-f]{64}$/);
    assert.ok(Array.isArray(Warnings));
    assert.equal((await api('POST', `/containers/${Id}/start`)).status, 204);
    const exit = await api('POST', `/containers/${Id}/wait`);
    assert.equal((exit.json() as { StatusCode: number }).StatusCode, 0);
    assert.equal((await api('DELETE', `/containers/${Id.slice(0, 12)}`)).status, 204);
  });

  test('a container in the state that is asked for answers 304', async (t) => {
    const body = { Image: library('alpine'), Cmd: ['sleep', '300'] };
    const { Id } = (await api('POST', `/containers/create?name=${uniqueName()}`, { body })).json() as { Id: string };
    t.after(() => docker(['rm', '-f', Id]));
    assert.equal((await api('POST', `/containers/${Id}/stop`)).status, 304);
    assert.equal((await api('POST', `/containers/${Id}/start`)).status, 204);
    assert.equal((await api('POST', `/containers/${Id}/start`)).status, 304);
  });

  test('events tell a container in order, with its attributes', async () => {
    const name = uniqueName('events');
    const since = Math.floor(Date.now() / 1000) - 1;
    await failureOf(4, ['run', '--rm', '--name', name, '-l', 'shade=blue', library('alpine'), 'sh', '-c', 'exit 4']);
    const until = Math.floor(Date.now() / 1000) + 1;
    const window = ['--since', `${since}`, '--until', `${until}`, '--filter', `container=${name}`];
    const lines = (await stdoutOf(['events', ...window, '--format', '{{json .}}'])).split('\n');
    const events = lines.map((line) => JSON.parse(line));
    const actions = events.map((event) => event.Action);
    assert.deepEqual(
      actions.filter((action) => ['create', 'attach', 'start', 'die', 'destroy'].includes(action)),
      ['create', 'attach', 'start', 'die', 'destroy'],
    );
    const die = events.find((event) => event.Action === 'die');
    assert.equal(die.Actor.Attributes.exitCode, '4');
    assert.equal(die.Actor.Attributes.shade, 'blue');
    assert.equal(die.Actor.Attributes.image, library('alpine'));
    assert.match(die.Actor.ID, /^[0-9a-f]{64}$/);
  });

  test('a stream of events ends with its client, not before', async (t) => {
    const label = uniqueName('label');
    const listener = dockerInBackground(t, [
      'events',
      '--filter',
      `label=${label}`,
      '--format',
      '{{.Action}} {{.Actor.Attributes.name}}',
    ]);
    const name = uniqueName('events');
    // an event that is missed because the listener is not there yet is not a failure: ask until one has been heard
    const ping = async () => {
      await stdoutOf(['rm', await stdoutOf(['create', '-l', label, '--name', name, library('alpine')])]);
      return listener.stdout.includes(`create ${name}`);
    };
    for (let round = 0; round < 20 && !(await ping()); round += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    await listener.until(({ stdout }) => stdout.includes(`destroy ${name}`));
  });

  test('the client explains a daemon that is not there', async () => {
    const stderr = await failureOf(1, ['ps'], { env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
    assert.match(stderr, /Cannot connect to the Docker daemon|cannot connect|failed to connect/i);
    await assert.rejects(request('unix:///nonexistent/docker.sock', 'GET', '/_ping'));
    assert.ok(engine().host);
  });
});
