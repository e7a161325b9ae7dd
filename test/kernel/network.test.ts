/** The default bridge on the real kernel. Needs root; everything has names of its own and is removed at the end. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { after, describe, it } from 'node:test';

import { isKind, silentLogger } from '../../src/base/index.ts';
import { networkKernel } from '../../src/linux/index.ts';
import { type BridgeNetwork, openBridgeNetwork, type Sandbox } from '../../src/network/index.ts';

const bridge = `gtest${process.pid % 100_000}`;
const networkId = 'c0'.repeat(32);
const [prefix = '', outside = ''] = freePrefixes(2);
const secondByte = Number(prefix.split('.')[1]).toString(16);
const gateway = `${prefix}.0.1`;
const subnet = `${prefix}.0.0/16`;
const dir = mkdtempSync('/tmp/gantry-network-');
const namespaceDir = `${dir}/netns`;

/** First halves of addresses that no link of this machine has, whoever else runs a bridge on it: `10.N`. */
function freePrefixes(count: number): string[] {
  const taken = Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address));
  const first = process.pid % 100;
  const all = Array.from({ length: 100 }, (_, at) => `10.${100 + ((first + at) % 100)}`);
  const free = all.filter((prefix) => !taken.some((address) => address.startsWith(`${prefix}.`)));
  assert.ok(free.length >= count, 'the machine has free addresses');
  return free.slice(0, count);
}

function open(
  sandboxes: Map<string, Sandbox>,
  options: { poolSize?: number; makeIn?: 'mainThread' } = {},
): BridgeNetwork {
  return openBridgeNetwork({
    id: networkId,
    bridge: {
      name: bridge,
      address: `${gateway}/16`,
      enableIpMasquerade: true,
      manageFirewall: true,
      mtu: 1500,
    },
    namespaceDir,
    sandboxes: {
      get: (key) => sandboxes.get(key),
      entries: () => sandboxes.entries(),
      put: (key, value) => void sandboxes.set(key, value),
      delete: (key) => void sandboxes.delete(key),
    },
    logger: silentLogger,
    poolSize: options.poolSize ?? 2,
    makeIn: options.makeIn,
    refillDelayMs: 0,
  });
}

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });

const inNamespace = (sandbox: Sandbox, program: string, ...args: string[]): string =>
  run('nsenter', `--net=${sandbox.path}`, program, ...args);

/** The bridge and its ports. */
function ownLinks(): string[] {
  const routes = networkKernel.openRoutes();
  try {
    const index = routes.findLink(bridge)?.index;
    return routes
      .links()
      .filter((link) => index !== undefined && (link.masterIndex === index || link.index === index))
      .map(({ name }) => name);
  } finally {
    routes.close();
  }
}

const mountCount = (): number => readFileSync('/proc/self/mountinfo', 'utf8').split(namespaceDir).length - 1;

async function answerOf(address: string, port: number): Promise<string> {
  const socket = createConnection({ host: address, port, signal: AbortSignal.timeout(5000) });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A Node program that runs inside a sandbox. */
async function runInside(sandbox: Sandbox, program: string): Promise<string> {
  const child = spawn('nsenter', [`--net=${sandbox.path}`, process.execPath, '-e', program]);
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  await once(child, 'close');
  return output.trim();
}

/** Does the work while a program runs that says something when it is ready; it is ended whatever happens. */
async function whileRunning(program: string, args: readonly string[], work: () => Promise<void>): Promise<void> {
  const child = spawn(program, args);
  const ended = once(child, 'close');
  try {
    const ready = once(child.stdout, 'data');
    await Promise.race([ready, ended.then(() => assert.fail(`${program} ended before it was ready`))]);
    await work();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const connectProgram = (address: string, port: number): string =>
  `const s = require('net').connect(${port}, '${address}'); s.on('data', (d) => process.stdout.write(d)); s.on('error', (e) => console.log(e.code)); setTimeout(() => process.exit(), 5000).unref();`;

describe('the default bridge on the kernel', () => {
  const records = new Map<string, Sandbox>();
  let network: BridgeNetwork;

  after(async () => {
    await network?.close({ destroy: true });
    rmSync(dir, { recursive: true });
  });

  it('is made with its address, its rules and forwarding', async () => {
    network = open(records);
    await network.reconcile(new Set());
    assert.ok(run('ip', '-4', 'address', 'show', bridge).includes(`inet ${gateway}/16`));
    assert.match(
      run('nft', 'list', 'table', 'ip', `gantry_${bridge}`),
      new RegExp(`ip saddr ${subnet} oifname != "${bridge}" masquerade`),
    );
    assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');
  });

  it('gives a sandbox an address, a MAC address that follows from it, and a default route', async () => {
    const sandbox = await network.attach('one', { isolated: false });
    const address = sandbox.endpoint?.address ?? '';
    assert.match(inNamespace(sandbox, 'ip', '-4', 'address', 'show', 'eth0'), new RegExp(`inet ${address}/16`));
    assert.match(
      inNamespace(sandbox, 'ip', 'link', 'show', 'eth0'),
      new RegExp(`link/ether 02:42:0a:${secondByte}:00:`),
    );
    assert.match(inNamespace(sandbox, 'ip', 'route'), new RegExp(`default via ${gateway} dev eth0`));
    assert.match(inNamespace(sandbox, 'ip', 'link', 'show', 'lo'), /LOOPBACK,UP/);
    await assert.rejects(network.attach('one', { isolated: false }), (error) => isKind(error, 'conflict'));
    await network.detach('one');
  });

  it('takes the MAC address that is asked for', async () => {
    const sandbox = await network.attach('mac', { isolated: false, macAddress: '02:00:00:AB:CD:EF' });
    assert.equal(sandbox.endpoint?.macAddress, '02:00:00:ab:cd:ef');
    assert.match(inNamespace(sandbox, 'ip', 'link', 'show', 'eth0'), /link\/ether 02:00:00:ab:cd:ef/);
    await network.detach('mac');
  });

  it('isolates a sandbox that asks for it', async () => {
    const sandbox = await network.attach('alone', { isolated: true });
    assert.equal(sandbox.endpoint, undefined);
    assert.equal(inNamespace(sandbox, 'ip', 'route'), '');
    assert.match(inNamespace(sandbox, 'ip', 'link', 'show', 'lo'), /LOOPBACK,UP/);
    await network.detach('alone');
  });

  it('carries TCP from a sandbox to the bridge and between two sandboxes', async (t) => {
    const server = createServer((socket) => socket.end(`from ${String(socket.remoteAddress)}`));
    t.after(() => server.close());
    server.listen(0, gateway);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const [one, two] = await Promise.all(['tcp1', 'tcp2'].map((id) => network.attach(id, { isolated: false })));
    assert.ok(one !== undefined && two !== undefined);
    assert.equal(await runInside(one, connectProgram(gateway, port)), `from ${one.endpoint?.address}`);

    const hello = `require('net').createServer((s) => s.end('hello')).listen(7000, () => console.log('up'))`;
    await whileRunning('nsenter', [`--net=${two.path}`, process.execPath, '-e', hello], async () => {
      assert.equal(await runInside(one, connectProgram(two.endpoint?.address ?? '', 7000)), 'hello');
      assert.equal(await answerOf(two.endpoint?.address ?? '', 7000), 'hello');
    });
    await Promise.all(['tcp1', 'tcp2'].map((id) => network.detach(id)));
  });

  it('shows the outside the address of the host', async () => {
    // Another namespace plays the outside: it has no route back to the container's address.
    run('ip', 'netns', 'add', `${bridge}x`);
    run('ip', 'link', 'add', `${bridge}x`, 'type', 'veth', 'peer', 'name', 'out0', 'netns', `${bridge}x`);
    try {
      run('ip', 'address', 'add', `${outside}.0.1/30`, 'dev', `${bridge}x`);
      run('ip', 'link', 'set', `${bridge}x`, 'up');
      run('ip', '-n', `${bridge}x`, 'address', 'add', `${outside}.0.2/30`, 'dev', 'out0');
      run('ip', '-n', `${bridge}x`, 'link', 'set', 'out0', 'up');
      const program = `require('net').createServer((s) => s.end(s.remoteAddress)).listen(7001, '${outside}.0.2', () => console.log('up'))`;
      await whileRunning('ip', ['netns', 'exec', `${bridge}x`, process.execPath, '-e', program], async () => {
        const sandbox = await network.attach('nat', { isolated: false });
        assert.equal(await runInside(sandbox, connectProgram(`${outside}.0.2`, 7001)), `${outside}.0.1`);
      });
    } finally {
      run('ip', 'link', 'delete', `${bridge}x`);
      run('ip', 'netns', 'delete', `${bridge}x`);
      await network.detach('nat');
    }
  });

  it('gives 50 parallel attaches 50 addresses', async () => {
    const ids = Array.from({ length: 50 }, (_, at) => `parallel${at}`);
    const sandboxes = await Promise.all(ids.map((id) => network.attach(id, { isolated: false })));
    assert.equal(new Set(sandboxes.map(({ endpoint }) => endpoint?.address)).size, 50);
    assert.equal(new Set(sandboxes.map(({ path }) => path)).size, 50);
    assert.equal(records.size, 50);
    await Promise.all(ids.map((id) => network.detach(id)));
    assert.equal(records.size, 0);
  });

  it('leaks nothing in 200 cycles', async () => {
    for (let cycle = 0; cycle < 200; cycle += 1) {
      await network.attach('cycle', { isolated: cycle % 10 === 0 });
      await network.detach('cycle');
    }
    await network.close({ destroy: false });
    assert.deepEqual(ownLinks(), [bridge]);
    assert.deepEqual(readdirSync(namespaceDir), []);
    assert.equal(mountCount(), 0);
    network = open(records, { poolSize: 0 });
    await network.reconcile(new Set());
    const sandbox = await network.attach('first', { isolated: false });
    assert.equal(sandbox.endpoint?.address, `${prefix}.0.2`);
    await network.detach('first');
  });

  it('takes up what live containers hold after a crash, and sweeps the rest', async () => {
    const live = await network.attach('live', { isolated: false });
    await network.attach('dead', { isolated: false });
    // The first instance is left as a crash leaves it: nothing is closed, and one sandbox has lost its record.
    await network.attach('lost', { isolated: false });
    records.delete('lost');
    const second = open(records, { poolSize: 0, makeIn: 'mainThread' });
    await second.reconcile(new Set(['live']));
    assert.deepEqual(readdirSync(namespaceDir), [live.path.slice(namespaceDir.length + 1)]);
    assert.deepEqual(ownLinks().sort(), [bridge, `veth${live.id.slice(0, 7)}`].sort());
    assert.equal(second.endpointOf('live')?.address, live.endpoint?.address);
    assert.equal(second.endpointOf('dead'), undefined);
    const next = await second.attach('next', { isolated: false });
    assert.notEqual(next.endpoint?.address, live.endpoint?.address);
    await network.close({ destroy: false });
    network = second;
  });

  it('says so when the bridge has gone, and brings live containers back to a new one', async (t) => {
    const live = network.sandboxOf('live') ?? assert.fail();
    run('ip', 'link', 'delete', bridge);
    await assert.rejects(network.attach('gone', { isolated: false }), /the bridge gtest\d+ is gone/);
    await network.close({ destroy: false });
    network = open(records);
    await network.reconcile(new Set(['live']));
    assert.equal(readdirSync(namespaceDir).includes(live.path.slice(namespaceDir.length + 1)), true);
    const server = createServer((socket) => socket.end('back'));
    t.after(() => server.close());
    server.listen(0, gateway);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    assert.equal(await runInside(live, connectProgram(gateway, port)), 'back');
  });

  it('removes everything when it is destroyed', async () => {
    await network.close({ destroy: true });
    assert.equal(existsSync(`/sys/class/net/${bridge}`), false);
    assert.throws(() => run('nft', 'list', 'table', 'ip', `gantry_${bridge}`));
    assert.deepEqual(readdirSync(namespaceDir), []);
    assert.equal(mountCount(), 0);
    assert.equal(records.size, 0);
  });
});
