import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';

import { eventually, must } from '../support/run.ts';
import { alpine, background, docker, inspect, library, reserve, stdoutOf } from './harness.ts';

suite('network', { concurrency: 3 }, () => {
  test('the default bridge gives an address, a route and a name', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const format =
      '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}} {{.IPPrefixLen}} {{.MacAddress}}{{end}}';
    const [address, gateway, prefix, mac] = (await inspect(name, format)).split(' ');
    const seen = await stdoutOf([
      'exec',
      name,
      'sh',
      '-c',
      'ip -4 addr show eth0; ip route; cat /etc/hosts; cat /sys/class/net/eth0/address',
    ]);
    assert.match(seen, new RegExp(`inet ${address}/${prefix}`));
    assert.match(seen, new RegExp(`default via ${gateway} dev eth0`));
    assert.match(seen, new RegExp(`^${address}\\s+[0-9a-f]{12}$`, 'm'));
    assert.ok(seen.includes(mac ?? 'none'));
    assert.match(seen, /^127\.0\.0\.1\s+localhost$/m);
  });

  test('two containers reach each other', async (t) => {
    const server = await background(t, [], 'sh', '-c', 'while :; do echo "from $(hostname)" | nc -l -p 7000; done');
    const address = await inspect(server, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');
    const client = await background(t, [], 'sleep', '300');
    const answer = await eventually('the server answers', async () => {
      const { stdout } = await docker(['exec', client, 'nc', '-w', '2', address, '7000']);
      return stdout !== '' && stdout;
    });
    assert.equal(answer, `from ${(await inspect(server, '{{.Id}}')).slice(0, 12)}\n`);
  });

  test('what lies beyond the bridge is reached', async (t) => {
    const server = createServer((socket) => socket.end(`hello ${socket.remoteAddress}\n`)).listen(0, '0.0.0.0');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const outside = /src (\S+)/.exec(await must('ip', ['route', 'get', '192.0.2.1']).catch(() => ''))?.[1];
    const name = await background(t, [], 'sleep', '300');
    const gateway = await inspect(name, '{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}');
    for (const target of outside === undefined ? [gateway] : [gateway, outside]) {
      assert.match(
        await stdoutOf(['exec', name, 'nc', '-w', '3', target, String(port)]),
        /^hello (::ffff:)?\d+\.\d+\.\d+\.\d+$/,
      );
    }
  });

  test('--network none has loopback alone', async () => {
    assert.equal(
      await alpine(['--network', 'none'], 'sh', '-c', 'ls /sys/class/net; ip -o -4 addr | grep -c 127.0.0.1'),
      'lo\n1',
    );
  });

  test('--network host has the links and the name of the host', async () => {
    const links = (await alpine(['--network', 'host'], 'ls', '/sys/class/net')).split('\n');
    assert.ok(links.includes('lo') && links.length > 1);
    assert.equal(await alpine(['--network', 'host'], 'hostname'), (await must('hostname', [])).trim());
  });

  test('resolv.conf, hosts and hostname are files that can be written', async () => {
    const script = 'for f in resolv.conf hosts hostname; do [ -f /etc/$f ] && echo "# x" >> /etc/$f && echo $f; done';
    assert.equal(await alpine([], 'sh', '-c', script), 'resolv.conf\nhosts\nhostname');
    assert.match(
      await alpine(['--dns', '192.0.2.53', '--dns-search', 'example.com'], 'cat', '/etc/resolv.conf'),
      /search example\.com[^]*nameserver 192\.0\.2\.53|nameserver 192\.0\.2\.53[^]*search example\.com/,
    );
    assert.match(await alpine(['--add-host', 'other:192.0.2.7'], 'cat', '/etc/hosts'), /^192\.0\.2\.7\s+other$/m);
  });

  test('addresses are not given twice and come back', async (t) => {
    const names = await Promise.all([1, 2, 3, 4].map(() => background(t, [], 'sleep', '300')));
    const addresses = await Promise.all(
      names.map((name) => inspect(name, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')),
    );
    assert.equal(new Set(addresses).size, names.length);
  });

  test('a stopped container has no address, a started one has one again', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    await stdoutOf(['kill', name]);
    const address = () => inspect(name, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');
    await eventually('it has ended', async () => (await address()) === '');
    await stdoutOf(['start', name]);
    assert.match(await address(), /^\d+\.\d+\.\d+\.\d+$/);
  });
});

suite('redis', () => {
  test('a real server runs, and its client in exec sets and gets', async (t) => {
    const name = reserve(t);
    await stdoutOf(['run', '-d', '--name', name, library('redis')]);
    await eventually(
      'redis answers',
      async () => (await docker(['exec', name, 'redis-cli', 'ping'])).stdout === 'PONG\n',
    );
    assert.equal(await stdoutOf(['exec', name, 'redis-cli', 'set', 'key', 'value']), 'OK');
    assert.equal(await stdoutOf(['exec', name, 'redis-cli', 'get', 'key']), 'value');
    assert.match(await stdoutOf(['logs', name]), /Ready to accept connections/);
    await stdoutOf(['stop', name]);
    assert.equal(await inspect(name, '{{.State.ExitCode}}'), '0');
  });

  test('is reached from another container by its address', async (t) => {
    const name = reserve(t);
    await stdoutOf(['run', '-d', '--name', name, library('redis')]);
    const address = await inspect(name, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');
    const ping = [
      'run',
      '--rm',
      '--name',
      reserve(t),
      '--entrypoint',
      'redis-cli',
      library('redis'),
      '-h',
      address,
      'ping',
    ];
    await eventually('redis answers over the bridge', async () => (await docker(ping)).stdout === 'PONG\n');
  });
});
