import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { networkSettings } from './settings.ts';

const networkId = 'f511375f64b566d6437de44234f6cf37a1d9b40189acae2f99e1ccb0f82dc3bc';
const endpointId = '86ceecdd7d0695d4ad0c71856a1f5bb648e9c52642627171f0f6cfa749a2cd5e';
const sandbox = {
  id: '0c8909f4bd43514d1849fce3ed2f4f74498262e622459fc3bcc357bdb49bd9ee',
  path: '/run/docker/exec/netns/0c8909f4bd43',
  endpoint: {
    networkId,
    endpointId,
    address: '10.208.0.2',
    prefixLength: 24,
    gateway: '10.208.0.1',
    macAddress: '56:0d:c9:a0:6c:9a',
  },
};
const base = { containerId: 'c1', networkId, sandbox: undefined, isRunning: false, hasStarted: true };

describe('networkSettings', () => {
  it('has the recorded shape while the container runs', () => {
    const ports = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }] };
    const view = networkSettings({ ...base, mode: 'bridge', sandbox, isRunning: true, ports });
    assert.equal(
      JSON.stringify(view),
      `{"Bridge":"","SandboxID":"${sandbox.id}","SandboxKey":"/run/docker/exec/netns/0c8909f4bd43","Ports":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18080"}]},"HairpinMode":false,"LinkLocalIPv6Address":"","LinkLocalIPv6PrefixLen":0,"SecondaryIPAddresses":null,"SecondaryIPv6Addresses":null,"EndpointID":"${endpointId}","Gateway":"10.208.0.1","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"IPAddress":"10.208.0.2","IPPrefixLen":24,"IPv6Gateway":"","MacAddress":"56:0d:c9:a0:6c:9a","Networks":{"bridge":{"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"56:0d:c9:a0:6c:9a","DriverOpts":null,"GwPriority":0,"NetworkID":"${networkId}","EndpointID":"${endpointId}","Gateway":"10.208.0.1","IPAddress":"10.208.0.2","IPPrefixLen":24,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}}`,
    );
  });

  it('has the recorded shape when the container has stopped', () => {
    assert.equal(
      JSON.stringify(networkSettings({ ...base, mode: 'bridge' })),
      `{"Bridge":"","SandboxID":"","SandboxKey":"","Ports":{},"HairpinMode":false,"LinkLocalIPv6Address":"","LinkLocalIPv6PrefixLen":0,"SecondaryIPAddresses":null,"SecondaryIPv6Addresses":null,"EndpointID":"","Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","MacAddress":"","Networks":{"bridge":{"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"${networkId}","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}}`,
    );
  });

  it('knows no network before the first start, but the MAC address that was asked for', () => {
    const view = networkSettings({ ...base, mode: 'bridge', hasStarted: false, macAddress: '02:00:00:00:00:01' });
    assert.equal(view.Networks['bridge']?.NetworkID, '');
    assert.equal(view.Networks['bridge']?.MacAddress, '02:00:00:00:00:01');
    assert.equal(view.MacAddress, '');
  });

  it('gives host and none endpoints without addresses while they run', () => {
    const isolated = { ...sandbox, endpoint: undefined };
    const none = networkSettings({ ...base, mode: 'none', sandbox: isolated, isRunning: true });
    assert.deepEqual(Object.keys(none.Networks), ['none']);
    assert.equal(none.SandboxKey, sandbox.path);
    assert.match(none.Networks['none']?.EndpointID ?? '', /^[0-9a-f]{64}$/);
    assert.equal(none.EndpointID, '');
    assert.equal(none.IPAddress, '');
    const host = networkSettings({ ...base, mode: 'host', isRunning: true });
    assert.match(host.SandboxID, /^[0-9a-f]{64}$/);
    assert.deepEqual(host, networkSettings({ ...base, mode: 'host', isRunning: true }));
    assert.equal(networkSettings({ ...base, mode: 'host' }).SandboxID, '');
  });
});
