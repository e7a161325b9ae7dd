import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind, silentLogger } from '../base/index.ts';
import { RecordingNetwork } from '../linux/index.ts';
import { type BridgeNetworkConfig, openBridgeNetwork } from './bridgeNetwork.ts';
import { networkIds } from './networkIds.ts';
import { buildSandbox } from './sandboxBuilder.ts';
import type { BridgeNetwork, Records, Sandbox } from './types.ts';

const dir = '/run/gantry/netns';
const id = 'ab'.repeat(32);
const options = { enableIpMasquerade: true, manageFirewall: true, mtu: 1500 };

class MemoryRecords<T> extends Map<string, T> implements Records<T> {
  put(key: string, value: T): void {
    this.set(key, value);
  }
}

interface Bench {
  readonly kernel: RecordingNetwork;
  readonly records: MemoryRecords<Sandbox>;
  readonly open: (changes?: Partial<BridgeNetworkConfig>) => BridgeNetwork;
}

function bench(): Bench {
  const kernel = new RecordingNetwork();
  kernel.nftRunner = (commands) => {
    if (commands.startsWith('list')) throw new Error('nft: No such file or directory');
    return '';
  };
  const records = new MemoryRecords<Sandbox>();
  const maker = {
    make: async (plan: Parameters<typeof buildSandbox>[2]) => buildSandbox(kernel, kernel.host, plan),
    close: async () => {},
  };
  const open = (changes: Partial<BridgeNetworkConfig> = {}): BridgeNetwork =>
    openBridgeNetwork({
      id,
      bridge: { ...options, name: 'gantry0', address: '172.18.0.1/16' },
      namespaceDir: dir,
      sandboxes: records,
      logger: silentLogger,
      poolSize: 0,
      kernel,
      maker,
      ...changes,
    });
  return { kernel, records, open };
}

const veths = (kernel: RecordingNetwork): string[] =>
  kernel.host.links().flatMap(({ name }) => (name.startsWith('veth') ? [name] : []));

describe('opening the default bridge', () => {
  it('chooses a free address when none is given, and keeps the one that is there', () => {
    const { kernel, open } = bench();
    kernel.hostRoutes = [{ destination: '172.17.0.0/16', linkIndex: 3 }];
    assert.equal(open({ bridge: { ...options, name: 'gantry0' } }).options.address, '172.18.0.1/16');
    const { index } = kernel.host.put({ name: 'gantry0', kind: 'bridge', alias: 'gantry' });
    kernel.host.putAddress({ linkIndex: index, address: '192.168.16.1', prefixLength: 20 });
    const { address, isExternal } = open({ bridge: { ...options, name: 'gantry0' } }).options;
    assert.deepEqual([address, isExternal], ['192.168.16.1/20', false]);
  });

  it('refuses what cannot work', () => {
    const { kernel, open } = bench();
    const refused = (bridge: BridgeNetworkConfig['bridge'], kind: 'invalid' | 'conflict'): void =>
      assert.throws(
        () => open({ bridge }),
        (error) => isKind(error, kind),
        JSON.stringify(bridge),
      );
    kernel.host.put({ name: 'eth0' });
    kernel.host.put({ name: 'bare0', kind: 'bridge' });
    refused({ ...options, name: 'eth0' }, 'conflict');
    refused({ ...options, name: 'a"; flush ruleset' }, 'invalid');
    refused({ ...options, name: 'br0', isExternal: true }, 'invalid');
    refused({ ...options, name: 'bare0' }, 'conflict');
    refused({ ...options, name: 'bare0', address: '10.1.0.1/24' }, 'conflict');
    for (const address of ['172.18.0.0/16', '172.18.255.255/16', '10.0.0.1/31', '10.0.0.1', 'fd00::1/64']) {
      refused({ ...options, name: 'gantry0', address }, 'invalid');
    }
  });
});

describe('reconciling the default bridge', () => {
  it('makes bridge, forwarding and rules once', async () => {
    const { kernel, open } = bench();
    await open().reconcile(new Set());
    assert.deepEqual(kernel.calls.slice(0, 5), [
      'add bridge gantry0',
      'set alias of gantry0',
      'add address 172.18.0.1/16',
      'set gantry0 up',
      'net/ipv4/ip_forward = 1',
    ]);
    assert.match(kernel.calls[5] ?? '', /^nft table ip gantry_gantry0\n/);
    kernel.calls.length = 0;
    await open({ bridge: { ...options, name: 'gantry0', manageFirewall: false } }).reconcile(new Set());
    assert.deepEqual(kernel.calls, []);
  });

  it('gives the bridge the address that is asked for now', async () => {
    const { kernel, open } = bench();
    await open().reconcile(new Set());
    await open({ bridge: { ...options, name: 'gantry0', address: '10.9.0.1/24' } }).reconcile(new Set());
    assert.deepEqual(
      kernel.host.addresses().map(({ address }) => address),
      ['10.9.0.1'],
    );
  });

  it("neither changes nor removes the administrator's bridge", async () => {
    const { kernel, open } = bench();
    kernel.settings.set('net/ipv4/ip_forward', '1');
    const { index } = kernel.host.put({ name: 'br0', kind: 'bridge' });
    kernel.host.putAddress({ linkIndex: index, address: '10.1.0.1', prefixLength: 24 });
    kernel.host.put({ name: 'veth7654321', kind: 'veth', masterIndex: index });
    const bridge = { ...options, name: 'br0', manageFirewall: false };
    const network = open({ bridge });
    await network.reconcile(new Set());
    await network.close({ destroy: true });
    assert.deepEqual(kernel.calls, []);
    assert.equal(network.options.address, '10.1.0.1/24');
  });

  it('keeps what live containers hold and sweeps the rest', async () => {
    const { kernel, records, open } = bench();
    const first = open();
    await first.reconcile(new Set());
    const live = await first.attach('live', { isolated: false });
    await first.attach('dead', { isolated: false });
    await first.attach('lost', { isolated: false });
    records.delete('lost');
    kernel.host.put({ name: 'veth7654321', kind: 'veth', masterIndex: kernel.host.findLink('gantry0')?.index });
    kernel.host.put({ name: 'veth7777777', kind: 'veth' });
    kernel.namespaceFiles.add(`${dir}/not-ours`);

    const second = open();
    await second.reconcile(new Set(['live']));
    assert.deepEqual([...kernel.namespaceFiles].sort(), [live.path, `${dir}/not-ours`].sort());
    assert.deepEqual(veths(kernel).sort(), [`veth${live.id.slice(0, 7)}`, 'veth7777777'].sort());
    assert.deepEqual([...records.keys()], ['live']);
    const next = await second.attach('next', { isolated: false });
    assert.equal(live.endpoint?.address, '172.18.0.2');
    assert.equal(next.endpoint?.address, '172.18.0.3');
  });
});

describe('attaching to the default bridge', () => {
  it('records an endpoint whose MAC address follows from its address', async () => {
    const { records, open } = bench();
    const network = open();
    await network.reconcile(new Set());
    const sandbox = await network.attach('one', { isolated: false });
    assert.equal(sandbox.path, `${dir}/${sandbox.id.slice(0, 12)}`);
    const { endpointId, ...endpoint } = network.endpointOf('one') ?? assert.fail();
    assert.match(endpointId, /^[0-9a-f]{64}$/);
    assert.deepEqual(endpoint, {
      networkId: id,
      address: '172.18.0.2',
      prefixLength: 16,
      gateway: '172.18.0.1',
      macAddress: '02:42:ac:12:00:02',
    });
    assert.equal(records.get('one'), sandbox);
  });

  it('refuses a second sandbox for a container, a bad MAC address, and to work before reconcile', async () => {
    const { open } = bench();
    const network = open();
    const attach = (name: string, macAddress?: string): Promise<Sandbox> =>
      network.attach(name, { isolated: false, macAddress });
    await assert.rejects(attach('one'), (error) => isKind(error, 'unavailable'));
    await network.reconcile(new Set());
    const both = await Promise.allSettled([attach('one'), attach('one')]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    await assert.rejects(attach('one'), (error) => isKind(error, 'conflict'));
    await assert.rejects(attach('two', '02:00'), (error) => isKind(error, 'invalid'));
  });

  it('gives an address out again only when its link is gone', async () => {
    const { kernel, open } = bench();
    const network = open();
    await network.reconcile(new Set());
    const { promise, resolve } = Promise.withResolvers<void>();
    kernel.host.gate = promise;
    await network.attach('one', { isolated: false });
    await network.detach('one');
    const second = await network.attach('two', { isolated: false });
    assert.equal(second.endpoint?.address, '172.18.0.3');
    resolve();
    await network.close({ destroy: false });
    assert.deepEqual(veths(kernel), [`veth${second.id.slice(0, 7)}`]);
  });

  it('waits for links that are going away before it says that no address is left', async () => {
    const { open } = bench();
    const network = open({ bridge: { ...options, name: 'gantry0', address: '10.9.0.1/30' }, poolSize: 2 });
    await network.reconcile(new Set());
    await network.attach('one', { isolated: false });
    await network.detach('one');
    const only = await network.attach('two', { isolated: false });
    assert.equal(only.endpoint?.address, '10.9.0.2');
    await assert.rejects(network.attach('three', { isolated: false }), {
      kind: 'unavailable',
      message: `no available IPv4 addresses on this network's address pools: bridge (${id})`,
    });
    assert.equal((await network.attach('four', { isolated: true })).endpoint, undefined);
    await network.close({ destroy: false });
  });

  it('gives everything back when the record cannot be written', async () => {
    const { kernel, records, open } = bench();
    const network = open();
    await network.reconcile(new Set());
    records.put = () => {
      throw new Error('disk full');
    };
    await assert.rejects(network.attach('one', { isolated: false }), /disk full/);
    await network.close({ destroy: false });
    assert.deepEqual([veths(kernel), kernel.namespaceFiles.size], [[], 0]);
  });
});

describe('the pool of ready sandboxes', () => {
  it('serves attaches without making anything, fills up again, and is emptied at the end', async () => {
    const { kernel, open } = bench();
    let made = 0;
    const { promise: full, resolve } = Promise.withResolvers<void>();
    const maker = {
      async make(plan: Parameters<typeof buildSandbox>[2]): Promise<void> {
        buildSandbox(kernel, kernel.host, plan);
        made += 1;
        if (made === 3) setImmediate(resolve);
      },
      close: async () => {},
    };
    const network = open({ poolSize: 2, maker, refillDelayMs: 60_000 });
    await network.reconcile(new Set());
    await full;
    const taken = await Promise.all([
      network.attach('one', { isolated: false }),
      network.attach('two', { isolated: false }),
      network.attach('three', { isolated: true }),
    ]);
    assert.equal(made, 3);
    assert.deepEqual(
      taken.map(({ endpoint }) => endpoint?.address),
      ['172.18.0.2', '172.18.0.3', undefined],
    );
    await network.attach('four', { isolated: false });
    assert.equal(made, 4);
    await network.close({ destroy: false });
    assert.equal(kernel.namespaceFiles.size, 4);
  });
});

describe('destroying the default bridge', () => {
  it('removes bridge, rules and sandboxes', async () => {
    const { kernel, records, open } = bench();
    const network = open();
    await network.reconcile(new Set());
    await network.attach('one', { isolated: false });
    await network.close({ destroy: true });
    assert.deepEqual([kernel.host.links(), kernel.namespaceFiles.size, records.size], [[], 0, 0]);
    assert.ok(kernel.calls.includes('nft table ip gantry_gantry0\ndelete table ip gantry_gantry0\n'));
  });
});

describe('networkIds', () => {
  it('makes three ids once', () => {
    const records = new MemoryRecords<{ id: string }>();
    const ids = networkIds(records);
    assert.equal(new Set(Object.values(ids)).size, 3);
    assert.match(ids.bridge, /^[0-9a-f]{64}$/);
    assert.deepEqual(networkIds(records), ids);
  });
});
