import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { HostConfig } from '../api/index.ts';
import { isKind } from '../base/index.ts';

import { commandLine, completeHostConfig, mergeConfig, refuseDeviceRequests, refuseUnsupported } from './index.ts';

const defaults: Parameters<typeof completeHostConfig>[1] = {
  runtime: 'crun',
  logDriver: 'json-file',
  logOptions: { 'max-size': '1m' },
  maskedPaths: ['/proc/kcore'],
  readonlyPaths: ['/proc/sys'],
  shmSizeBytes: 1000,
  cgroupnsMode: 'private',
  cgroupVersion: 1,
};

describe('a configuration merged with the image’s', () => {
  const image = {
    Entrypoint: ['/entry'],
    Cmd: ['default'],
    Env: ['PATH=/bin', 'A=image'],
    Labels: { from: 'image', both: 'image' },
    WorkingDir: '/srv',
    User: 'nobody',
  };
  const line = (own: Parameters<typeof mergeConfig>[0], of = image): string => {
    const { path, args } = commandLine(mergeConfig(own, of));
    return [path, ...args].join(' ');
  };

  it('has the entrypoint and command that Docker would run', () => {
    assert.equal(line({}), '/entry default');
    assert.equal(line({ Cmd: ['own'] }), '/entry own');
    assert.equal(line({ Entrypoint: ['/own'] }), '/own', "an entrypoint drops the image's command");
    assert.equal(line({ Entrypoint: ['/own'], Cmd: ['x'] }), '/own x');
    assert.equal(line({ Entrypoint: [''], Cmd: ['x'] }), 'x', 'one empty word means none');
    assert.equal(line({ Entrypoint: [] }), 'default', 'an empty list means none');
  });

  it('is refused without a command', () => {
    assert.throws(() => commandLine(mergeConfig({}, {})), /no command specified/);
    assert.throws(() => commandLine(mergeConfig({ Entrypoint: [''] }, image)), /no command specified/);
  });

  it("adds up environment and labels, the client's winning, and fills in what is empty", () => {
    const { Env, Labels, WorkingDir, User } = mergeConfig({ Env: ['A=own', 'B'], Labels: { both: 'own' } }, image);
    assert.deepEqual(Env, ['A=own', 'B', 'PATH=/bin']);
    assert.deepEqual(Labels, { from: 'image', both: 'own' });
    assert.deepEqual([WorkingDir, User], ['/srv', 'nobody']);
  });
});

const mode = (own: HostConfig, cgroupVersion: 1 | 2) =>
  completeHostConfig(own, { ...defaults, cgroupVersion }).CgroupnsMode;

describe('a host configuration', () => {
  it('is completed as inspect shows it', () => {
    const complete = completeHostConfig({ Memory: 8_000_000 }, defaults);
    assert.equal(complete.NetworkMode, 'bridge');
    assert.equal(complete.Runtime, 'crun');
    assert.equal(complete.MemorySwap, 16_000_000);
    assert.deepEqual(complete.LogConfig, { Type: 'json-file', Config: { 'max-size': '1m' } });
    assert.deepEqual(complete.MaskedPaths, ['/proc/kcore']);
    assert.equal(complete.ShmSize, 1000);
    assert.equal(completeHostConfig({ PidsLimit: -1 }, defaults).PidsLimit, null);
    assert.equal(completeHostConfig({ Privileged: true }, defaults).MaskedPaths, null);
    assert.deepEqual(completeHostConfig({ Privileged: true, MaskedPaths: ['/x'] }, defaults).MaskedPaths, ['/x']);
  });

  it('has the cgroup namespace of the daemon, but a privileged one of cgroup v1 sees the host’s tree', () => {
    assert.deepEqual(
      [mode({}, 1), mode({ Privileged: true }, 1), mode({ Privileged: true }, 2)],
      ['private', 'host', 'private'],
    );
    assert.equal(mode({ CgroupnsMode: 'private', Privileged: true }, 1), 'private');
  });

  const wrong: readonly HostConfig[] = [
    { AutoRemove: true, RestartPolicy: { Name: 'always' } },
    { RestartPolicy: { Name: 'always', MaximumRetryCount: 1 } },
  ];
  for (const own of wrong)
    it(`is refused: ${JSON.stringify(own)}`, () => {
      assert.throws(
        () => completeHostConfig(own, defaults),
        (error) => isKind(error, 'invalid'),
      );
    });

  const absent: readonly HostConfig[] = [
    { PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
    { VolumesFrom: ['other'] },
    { Links: ['db'] },
    { UsernsMode: 'private' },
    { NetworkMode: 'container:other' },
    { IpcMode: 'container:other' },
  ];
  for (const own of absent)
    it(`that asks for what is not there yet says so: ${JSON.stringify(own)}`, () => {
      assert.throws(
        () => refuseUnsupported(own, {}),
        (error) => isKind(error, 'notImplemented'),
      );
    });

  it('that asks for GPUs is refused as where there is no driver', () => {
    refuseDeviceRequests({ DeviceRequests: [] });
    assert.throws(
      () => refuseDeviceRequests({ DeviceRequests: [{ Capabilities: [['gpu', 'compute'], ['x']] }] }),
      (error) =>
        isKind(error, 'invalid') &&
        error.message === 'could not select device driver "" with capabilities: [[gpu compute] [x]]',
    );
  });
});
