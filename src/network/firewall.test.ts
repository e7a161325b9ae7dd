import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind, silentLogger } from '../base/index.ts';
import { RecordingNetwork } from '../linux/index.ts';
import { applyFirewall, blocksForwarding, firewallRules, removeFirewall } from './firewall.ts';

const options = { bridge: 'gantry0', subnet: '172.18.0.0/16', masquerade: true };
const absent = { status: 1, output: '', errorOutput: '' };
const done = { status: 0, output: '', errorOutput: '' };

/** A kernel with nft, and a FORWARD chain that prints as `chain` (none when undefined). */
function kernelWith(chain: string | undefined): RecordingNetwork {
  const kernel = new RecordingNetwork();
  kernel.nftRunner = (commands) => {
    if (!commands.startsWith('list')) return '';
    if (chain === undefined) throw new Error('nft: No such file or directory');
    return chain;
  };
  kernel.iptablesRunner = (args) => (args.includes('-C') || args.includes('-D') ? absent : done);
  return kernel;
}

const iptablesCalls = (kernel: RecordingNetwork): string[] =>
  kernel.calls.filter((call) => call.startsWith('iptables'));

describe('firewallRules', () => {
  it('replaces one table of our own', () => {
    assert.equal(
      firewallRules(options),
      `table ip gantry_gantry0
delete table ip gantry_gantry0
table ip gantry_gantry0 {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 172.18.0.0/16 oifname != "gantry0" masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname "gantry0" ct state established,related accept
    oifname "gantry0" ct status dnat accept
    iifname "gantry0" accept
    oifname "gantry0" drop
  }
}
`,
    );
  });

  it('leaves masquerading out when it is not wanted', () => {
    assert.doesNotMatch(firewallRules({ ...options, masquerade: false }), /masquerade/);
  });
});

describe('applyFirewall', () => {
  it('touches nothing of others where nothing is in the way', () => {
    for (const chain of [undefined, 'table ip filter { chain FORWARD { policy accept; } }']) {
      const kernel = kernelWith(chain);
      applyFirewall(kernel, options, silentLogger);
      assert.deepEqual(iptablesCalls(kernel), []);
    }
  });

  it('lets the bridge through a FORWARD chain that drops', () => {
    const kernel = kernelWith('table ip filter { chain FORWARD { policy drop; } }');
    applyFirewall(kernel, options, silentLogger);
    const inserted = iptablesCalls(kernel).filter((call) => call.includes(' -I '));
    assert.deepEqual(inserted, [
      'iptables-nft -t filter -I FORWARD -o gantry0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment gantry_gantry0 -j ACCEPT',
      'iptables-nft -t filter -I FORWARD -o gantry0 -m conntrack --ctstate DNAT -m comment --comment gantry_gantry0 -j ACCEPT',
      'iptables-nft -t filter -I FORWARD -i gantry0 -m comment --comment gantry_gantry0 -j ACCEPT',
    ]);
  });

  it('adds no rule twice', () => {
    const kernel = kernelWith('chain FORWARD { policy drop; iifname "gantry0" accept }');
    kernel.iptablesRunner = () => done;
    applyFirewall(kernel, options, silentLogger);
    assert.deepEqual(
      iptablesCalls(kernel).filter((call) => !call.includes(' -C ')),
      [],
    );
  });

  it('looks at legacy iptables only when its table is in use', () => {
    const kernel = kernelWith(undefined);
    kernel.legacyTableNames = ['filter'];
    kernel.iptablesRunner = (args) => {
      if (args.includes('-S')) return { ...done, output: '-P FORWARD DROP\n' };
      return args.includes('-C') ? absent : done;
    };
    applyFirewall(kernel, options, silentLogger);
    assert.ok(iptablesCalls(kernel).some((call) => call.startsWith('iptables-legacy -t filter -I FORWARD -i gantry0')));
  });

  it('uses iptables when nftables is missing, and says what to install when both are', () => {
    const kernel = kernelWith(undefined);
    kernel.nftRunner = undefined;
    applyFirewall(kernel, options, silentLogger);
    assert.ok(iptablesCalls(kernel).some((call) => call.includes('-I POSTROUTING -s 172.18.0.0/16 ! -o gantry0')));
    kernel.iptablesRunner = undefined;
    assert.throws(
      () => applyFirewall(kernel, options, silentLogger),
      (error) => isKind(error, 'unavailable') && error.hint !== undefined,
    );
  });
});

describe('removeFirewall', () => {
  it('removes the table, and every copy of the rules in front of FORWARD', () => {
    const kernel = kernelWith('chain FORWARD { policy drop; iifname "gantry0" accept }');
    let copies = 2;
    kernel.iptablesRunner = () => (copies-- > 0 ? done : absent);
    removeFirewall(kernel, options);
    assert.ok(kernel.calls.includes('nft table ip gantry_gantry0\ndelete table ip gantry_gantry0\n'));
    assert.equal(iptablesCalls(kernel).filter((call) => call.includes(' -D FORWARD ')).length, 5);
  });

  it('does not run iptables where the bridge is not named', () => {
    const kernel = kernelWith('chain FORWARD { policy drop; }');
    removeFirewall(kernel, options);
    assert.deepEqual(iptablesCalls(kernel), []);
  });
});

describe('blocksForwarding', () => {
  it('knows both ways to print a chain', () => {
    assert.equal(blocksForwarding('type filter hook forward priority filter; policy drop;'), true);
    assert.equal(blocksForwarding('-P FORWARD DROP\n'), true);
    assert.equal(blocksForwarding('counter jump DOCKER-USER'), true);
    assert.equal(blocksForwarding('-P FORWARD ACCEPT\n-A FORWARD -j ACCEPT\n'), false);
  });
});
