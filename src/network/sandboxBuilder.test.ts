import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { RecordingNetwork } from '../linux/index.ts';
import { buildSandbox } from './sandboxBuilder.ts';

const path = '/run/gantry/netns/0123456789ab';
const endpoint = {
  bridge: 'gantry0',
  hostLink: 'veth0123456',
  mtu: 1500,
  address: '172.18.0.2',
  prefixLength: 16,
  gateway: '172.18.0.1',
  macAddress: '02:42:ac:12:00:02',
};
const namespaceCalls = [
  `create namespace ${path}`,
  `${path}: net/ipv6/conf/default/disable_ipv6 = 1`,
  `${path}: net/ipv4/ip_unprivileged_port_start = 0`,
  `${path}: net/ipv4/ping_group_range = 0 2147483647`,
  `${path}: set lo up`,
];

function kernelWithBridge(): RecordingNetwork {
  const kernel = new RecordingNetwork();
  kernel.host.put({ name: 'gantry0', kind: 'bridge', index: 7 });
  return kernel;
}

describe('buildSandbox', () => {
  it('joins the bridge last, when the other end is up', () => {
    const kernel = kernelWithBridge();
    buildSandbox(kernel, kernel.host, { path, endpoint });
    assert.deepEqual(kernel.calls, [
      ...namespaceCalls,
      'add veth veth0123456',
      `${path}: add address 172.18.0.2/16`,
      `${path}: set eth0 up`,
      `${path}: add default route via 172.18.0.1`,
      'set addrgenmode of veth0123456',
      'set veth0123456 up',
    ]);
    assert.equal(kernel.host.findLink('veth0123456')?.masterIndex, 7);
  });

  it('makes nothing but loopback for an isolated sandbox', () => {
    const kernel = kernelWithBridge();
    buildSandbox(kernel, kernel.host, { path, endpoint: undefined });
    assert.deepEqual(kernel.calls, namespaceCalls);
  });

  it('leaves nothing behind when the bridge is gone or the name is taken', () => {
    const kernel = new RecordingNetwork();
    assert.throws(
      () => buildSandbox(kernel, kernel.host, { path, endpoint }),
      (error) => isKind(error, 'unavailable'),
    );
    assert.equal(kernel.namespaceFiles.size, 0);
    kernel.host.put({ name: 'gantry0', kind: 'bridge' });
    kernel.host.put({ name: 'veth0123456', kind: 'veth' });
    assert.throws(() => buildSandbox(kernel, kernel.host, { path, endpoint }), /EEXIST/);
    assert.equal(kernel.namespaceFiles.size, 0);
    assert.ok(kernel.host.findLink('veth0123456') !== undefined, 'what another made stays');
  });
});
