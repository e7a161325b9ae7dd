import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import * as fc from 'fast-check';

import { parseFlags, parseUlimit } from '../base/index.ts';
import { createRequest } from './containerConfig.ts';
import { containerFlags } from './containerFlags.ts';
import { parseCpus, parseGpus } from './containerValues.ts';
import { checkDeviceRule, deviceRequestsOf, devicesOf } from './devices.ts';
import { displayPorts } from './displayPorts.ts';
import { indentJson } from './indentJson.ts';
import { readKeyValueFile } from './keyValueFiles.ts';
import { parseMount } from './mounts.ts';
import { parseNetwork } from './networks.ts';
import { parsePorts } from './ports.ts';
import { editDistance, suggestions } from './suggest.ts';
import { fakeWorld } from './testing/fakeWorld.ts';
import { timestampQuery } from './times.ts';

/** The create request of a command line. */
function request(...args: string[]) {
  const { values, changed, positionals } = parseFlags(containerFlags, args, { stopAtPositional: true });
  const [image = '', ...command] = positionals;
  const { world } = fakeWorld({ environment: { HOME: '/home/me' } });
  return createRequest(world, { values, changed, image, command });
}

test('a bare run asks for nothing but the image and both outputs', () => {
  const body = request('alpine');
  const { Image, Cmd, Env, Entrypoint, AttachStdin, AttachStdout, AttachStderr, OpenStdin, StdinOnce, Labels } = body;
  assert.deepEqual(
    { Image, Cmd, Env, Entrypoint, AttachStdin, AttachStdout, AttachStderr, OpenStdin, StdinOnce, Labels },
    {
      Image: 'alpine',
      Cmd: null,
      Env: null,
      Entrypoint: null,
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: false,
      StdinOnce: false,
      Labels: {},
    },
  );
  assert.equal(body.HostConfig?.NetworkMode, 'default');
  assert.deepEqual(Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {}), ['default']);
});

test('stdin, entrypoint, environment and command come through', () => {
  const body = request('-i', '--entrypoint', '', '-e', 'A=1', '-e', 'HOME', '-e', 'NOPE', 'alpine', 'ls', '-e', 'x');
  assert.deepEqual([body.AttachStdin, body.OpenStdin, body.StdinOnce], [true, true, true]);
  assert.deepEqual(body.Env, ['A=1', 'HOME=/home/me', 'NOPE']);
  assert.deepEqual(body.Cmd, ['ls', '-e', 'x']);
  assert.deepEqual(body.Entrypoint, ['']);
});

test('volumes are binds or anonymous, and relative paths are made absolute', () => {
  const body = request('-v', '/a', '-v', './b:/b:ro', '-v', 'named:/c', '--tmpfs', '/t:size=1', 'alpine');
  assert.deepEqual(body.Volumes, { '/a': {} });
  assert.deepEqual(body.HostConfig?.Binds, ['/work/dir/b:/b:ro', 'named:/c']);
  assert.deepEqual(body.HostConfig?.Tmpfs, { '/t': 'size=1' });
});

test('resources and policies are numbers and objects', () => {
  const host = request(
    '-m',
    '1g',
    '--memory-swap=-1',
    '--cpus',
    '1.5',
    '--restart',
    'on-failure:3',
    '--ulimit',
    'nofile=1:2',
    '--cap-add',
    'net_admin',
    'x',
  ).HostConfig;
  assert.deepEqual([host?.Memory, host?.MemorySwap, host?.NanoCpus], [1024 ** 3, -1, 1_500_000_000]);
  assert.deepEqual(host?.RestartPolicy, { Name: 'on-failure', MaximumRetryCount: 3 });
  assert.deepEqual(host?.Ulimits, [{ Name: 'nofile', Hard: 2, Soft: 1 }]);
  assert.deepEqual(host?.CapAdd, ['CAP_NET_ADMIN']);
});

test('options that contradict each other or make no sense are refused before anything is sent', () => {
  const refused: [string[], string][] = [
    [['--rm', '--restart', 'always', 'x'], 'conflicting options: cannot specify both --restart and --rm'],
    [['--no-healthcheck', '--health-cmd', 'a', 'x'], '--no-healthcheck conflicts with --health-* options'],
    [['--health-interval=-1s', 'x'], '--health-interval cannot be negative'],
    [['--log-driver', 'none', '--log-opt', 'a=b', 'x'], 'invalid logging opts for driver none'],
    [['--pid', 'foo', 'x'], '--pid: invalid PID mode'],
    [['--network', '', 'x'], 'no name set for network'],
    [['--network-alias', 'a', 'x'], 'network-scoped aliases are only supported for user-defined networks'],
    [['--security-opt', 'foo', 'x'], 'Invalid --security-opt: "foo"'],
    [['--env-file', '/nope', 'x'], 'open /nope: no such file or directory'],
  ];
  for (const [args, message] of refused) assert.throws(() => request(...args), { message });
});

test('published ports in all their spellings', () => {
  const { exposed, bindings } = parsePorts(
    ['80', '127.0.0.1:8080:80/udp', '90-92:90', '1000-1001:2000-2001', '[::1]:5:6'],
    ['7-8'],
  );
  assert.deepEqual(Object.keys(exposed), [
    '2000/tcp',
    '2001/tcp',
    '6/tcp',
    '7/tcp',
    '8/tcp',
    '80/tcp',
    '80/udp',
    '90/tcp',
  ]);
  assert.deepEqual(bindings['80/udp'], [{ HostIp: '127.0.0.1', HostPort: '8080' }]);
  assert.deepEqual(bindings['90/tcp'], [{ HostIp: '', HostPort: '90-92' }]);
  assert.deepEqual(bindings['2001/tcp'], [{ HostIp: '', HostPort: '1001' }]);
  assert.deepEqual(bindings['6/tcp'], [{ HostIp: '::1', HostPort: '5' }]);
  const bad: [string, RegExp][] = [
    ['x', /^invalid containerPort: x$/],
    ['99999:1', /^invalid hostPort: 99999$/],
    ['a:1:2', /^invalid IP address: a$/],
    ['80/foo', /^invalid proto: foo$/],
    ['1-3:1-2', /^invalid ranges specified/],
  ];
  for (const [text, message] of bad) assert.throws(() => parsePorts([text], []), { message });
});

test('mounts', () => {
  assert.deepEqual(parseMount('type=bind,source=/x,target=/y,readonly,bind-propagation=rshared'), {
    Type: 'bind',
    Source: '/x',
    Target: '/y',
    ReadOnly: true,
    BindOptions: { Propagation: 'rshared' },
  });
  assert.deepEqual(parseMount('type=tmpfs,dst=/z,tmpfs-size=1m,tmpfs-mode=700'), {
    Type: 'tmpfs',
    Target: '/z',
    TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o700 },
  });
  assert.deepEqual(parseMount('src=v,dst=/v,"volume-opt=o=a,b"').VolumeOptions?.DriverConfig?.Options, { o: 'a,b' });
  assert.throws(() => parseMount('x'), { message: "invalid field 'x' must be a key=value pair" });
  assert.throws(() => parseMount('type=bind,source=/a'), { message: 'target is required' });
  assert.throws(() => parseMount('target=/a,foo=1'), { message: "unexpected key 'foo' in 'foo=1'" });
  assert.throws(() => parseMount('type=bind,target=/a,tmpfs-size=1'), /cannot mix 'tmpfs-\*' options/);
});

test('networks, limits and devices', () => {
  const network = parseNetwork('name=n,alias=a,alias=b,ip=1.2.3.4,driver-opt=k=v');
  assert.deepEqual(
    [network.target, network.aliases, network.ipv4, network.driverOptions],
    ['n', ['a', 'b'], '1.2.3.4', { k: 'v' }],
  );
  assert.throws(() => parseNetwork('alias=x'), { message: 'network name/id is not specified' });
  assert.throws(() => parseUlimit('nofile=5:2'), /must be less than or equal to hard limit/);
  assert.equal(parseCpus('1/4'), 250_000_000);
  assert.throws(() => parseCpus('1/3'), { message: 'value is too precise' });
  assert.deepEqual(parseGpus('"device=0,1"').DeviceIDs, ['0', '1']);
});

const devices = (...texts: string[]): string[] =>
  devicesOf(texts).map((device) => [device.PathOnHost, device.PathInContainer, device.CgroupPermissions].join(' '));

test('devices are read as paths and rights, and what is neither is refused', () => {
  assert.deepEqual(devices('/dev/a', '/dev/a:/b', '/dev/a:r', '/dev/a:/b:rw', 'vendor.com/class=name'), [
    '/dev/a /dev/a rwm',
    '/dev/a /b rwm',
    '/dev/a /dev/a r',
    '/dev/a /b rw',
  ]);
  for (const [text, message] of [
    [':', 'bad format for path: :'],
    ['/dev/a:/b:rw:x', 'bad format for path: /dev/a:/b:rw:x'],
    ['/dev/a:/b:rr', 'bad mode specified: rr'],
    ['fuse', 'fuse is not an absolute path'],
    ['/dev/a:', ' is not an absolute path'],
  ] as const) {
    assert.throws(() => devices(text), { message });
  }
  assert.equal(checkDeviceRule('c 1:* rw'), 'c 1:* rw');
  assert.throws(() => checkDeviceRule('c 1 rw'), { message: "invalid device cgroup format 'c 1 rw'" });
  assert.equal(deviceRequestsOf(['/dev/a'], []), null);
  assert.deepEqual(deviceRequestsOf(['vendor.com/class=name'], [])?.[0]?.DeviceIDs, ['vendor.com/class=name']);
});

test('files of pairs: comments, names looked up, bad lines', (context: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-cli-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const { world } = fakeWorld({});
  const file = join(folder, 'pairs');
  writeFileSync(file, '\uFEFFA=1\n  # no\n\nB\nNOPE\nC= x \r\n');
  assert.deepEqual(
    readKeyValueFile(world, file, (name) => (name === 'B' ? '2' : undefined)),
    ['A=1', 'B=2', 'C= x '],
  );
  writeFileSync(file, 'a b=1\n');
  assert.throws(() => readKeyValueFile(world, file, () => undefined), {
    message: `invalid env file (${file}): variable 'a b' contains whitespaces`,
  });
  writeFileSync(file, Buffer.of(0xff, 0xfe, 0x41));
  assert.throws(() => readKeyValueFile(world, file, () => undefined), /contains invalid utf8 bytes/);
});

test('points in time', () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  assert.equal(timestampQuery('', now), '');
  assert.equal(timestampQuery('1700000000.5', now), '1700000000.5');
  assert.equal(timestampQuery('1m30s', now), String(now / 1000 - 90));
  assert.equal(timestampQuery('2026-01-02T03:04:05.25Z', now), `${now / 1000}.250000000`);
  assert.throws(() => timestampQuery('x', now), { message: 'failed to parse value as time or duration: "x"' });
});

const port = (PrivatePort: number, PublicPort?: number, IP = '0.0.0.0') => ({
  Type: 'tcp' as const,
  PrivatePort,
  ...(PublicPort === undefined ? {} : { PublicPort, IP }),
});

test('ports in listings are joined to ranges', () => {
  assert.equal(displayPorts([port(443), port(80, 8080)]), '443/tcp, 0.0.0.0:8080->80/tcp');
  assert.equal(
    displayPorts([port(91, 91), port(90, 90), port(92, 92), port(99, 99)]),
    '0.0.0.0:90-92->90-92/tcp, 0.0.0.0:99->99/tcp',
  );
  assert.equal(displayPorts([port(80, 80, '::')]), '[::]:80->80/tcp');
});

test('property: indenting changes white space only and is what JSON.stringify makes', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      assert.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, undefined, 4));
    }),
  );
  assert.equal(
    indentJson('{"a":9223372036854771712,"b":"\\u003c"}'),
    '{\n    "a": 9223372036854771712,\n    "b": "\\u003c"\n}',
  );
});

test('near misses are suggested, far ones are not', () => {
  assert.equal(editDistance('imgaes', 'images'), 1);
  assert.deepEqual(suggestions('pss', ['ps', 'pull', 'rm']), ['ps']);
  assert.deepEqual(suggestions('xyzzy', ['ps', 'pull']), []);
});
