import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { parseDaemonCommand, type DaemonOptions } from './daemonOptions.ts';

const dir = mkdtempSync(join(tmpdir(), 'gantry-options-'));
after(() => rmSync(dir, { recursive: true }));

function optionsOf(args: readonly string[]): DaemonOptions {
  const command = parseDaemonCommand(args, 80);
  assert.ok(command.kind === 'run');
  return command.options;
}

function fileWith(value: unknown): string {
  const path = join(dir, `${Math.random()}.json`);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

test('the command line is read by dockerd’s names', () => {
  const options = optionsOf([
    '-H',
    'unix:///a',
    '--host=tcp://127.0.0.1:1',
    '--data-root',
    '/d',
    '-D',
    '--ip-masq=false',
  ]);
  assert.deepEqual(options.hosts, ['unix:///a', 'tcp://127.0.0.1:1']);
  assert.equal(options.dataRoot, '/d');
  assert.equal(options.logLevel, 'debug');
  assert.equal(options.masquerade, false);
});

test('daemon.json completes the command line', () => {
  const path = fileWith({
    hosts: ['unix:///f'],
    'registry-mirrors': ['http://127.0.0.1:1'],
    runtimes: { mine: { path: '/opt/mine', runtimeArgs: ['--debug'] } },
    'live-restore': false,
    'log-opts': { 'max-size': '1m' },
  });
  const options = optionsOf(['--config-file', path]);
  assert.deepEqual(options.hosts, ['unix:///f']);
  assert.deepEqual(options.registryMirrors, ['http://127.0.0.1:1']);
  assert.deepEqual(options.runtimes, [{ name: 'mine', path: '/opt/mine', args: ['--debug'] }]);
  assert.equal(options.liveRestore, false);
  assert.deepEqual(options.logOptions, { 'max-size': '1m' });
});

test('what containers have unless they say otherwise is read from flags and from dockerd’s keys of the file', () => {
  const flags = [
    '--default-ulimit',
    'nofile=10:20',
    '--default-shm-size=8m',
    '--init',
    '--default-cgroupns-mode=private',
  ];
  const file = {
    'default-ulimits': { nofile: { Name: 'nofile', Soft: 10, Hard: 20 } },
    'default-shm-size': '8M',
    init: true,
    'default-cgroupns-mode': 'private',
  };
  for (const options of [optionsOf(flags), optionsOf(['--config-file', fileWith(file)])]) {
    assert.deepEqual(options.defaultUlimits, [{ Name: 'nofile', Hard: 20, Soft: 10 }]);
    assert.deepEqual(
      [options.defaultShmSizeBytes, options.init, options.defaultCgroupnsMode],
      [8 * 2 ** 20, true, 'private'],
    );
  }
  for (const wrong of [
    { 'default-ulimits': { nofile: 7 } },
    { 'default-cgroupns-mode': 'x' },
    { 'default-shm-size': 'x' },
  ]) {
    assert.throws(() => optionsOf(['--config-file', fileWith(wrong)]), /invalid|needs "Soft"/, JSON.stringify(wrong));
  }
});

test('what is not understood is refused', () => {
  const table: [string[], RegExp][] = [
    [['--swarm-default-advertise-addr', 'x'], /unknown flag: --swarm-default-advertise-addr/],
    [['extra'], /accepts no arguments/],
    [['--log-level', 'loud'], /unable to parse logging level: loud/],
    [['--data-root', 'relative'], /absolute/],
    [['--config-file', '/nonexistent'], /unable to configure the daemon with file \/nonexistent/],
    [['--config-file', fileWith({ 'no-such-key': 1 })], /don't match any configuration option: no-such-key/],
    [['--config-file', fileWith({ label: ['x'], host: ['x'] })], /don't match any configuration option: label|host/],
    [['-D', '--config-file', fileWith({ debug: true })], /both as a flag and in the configuration file: debug/],
    [['--config-file', fileWith({ debug: 'maybe' })], /invalid value for "debug"/],
  ];
  for (const [args, message] of table) assert.throws(() => parseDaemonCommand(args, 80), message);
});
