import { GantryError, type Logger, messageOf } from '../base/index.ts';
import { type NetworkKernel, networkKernel, type RouteSocket, setLinkUp } from '../linux/index.ts';
import { type AddressPool, addressPool, formatAddress, parseCidr } from './addressPool.ts';
import { type BridgeRequest, bridgeSubnet, ensureBridge, macFor, removeBridge, settleBridge } from './bridge.ts';
import { applyFirewall, type FirewallOptions, removeFirewall } from './firewall.ts';
import { inlineMaker } from './inlineMaker.ts';
import { newId } from './networkIds.ts';
import type { EndpointPlan } from './sandboxBuilder.ts';
import { SandboxPool } from './sandboxPool.ts';
import { type Leftover, SandboxRemover } from './sandboxRemover.ts';
import { type SandboxMaker, SandboxThread } from './sandboxThread.ts';
import type { AttachRequest, BridgeNetwork, BridgeOptions, Endpoint, Records, Sandbox } from './types.ts';

export interface BridgeNetworkConfig {
  /** The network's id: `networkIds(...).bridge`. */
  readonly id: string;
  readonly bridge: BridgeRequest;
  /** Directory of the namespaces' files, the network's own; on a file system that a restart of the host empties. */
  readonly namespaceDir: string;
  /** What containers hold, by their ids. */
  readonly sandboxes: Records<Sandbox>;
  readonly logger: Logger;
  /** Ready sandboxes with an endpoint; half as many wait without. 0 turns the pool off. Default 4. */
  readonly poolSize?: number;
  /** Default 100. */
  readonly refillDelayMs?: number;
  /**
   * Where sandboxes are made: in a worker thread of their own (default), or between the turns of the main thread. The daemon
   * takes the latter (docs/adr/0001-sandboxes-on-the-main-thread.md).
   */
  readonly makeIn?: 'worker' | 'mainThread';
  /** How long the worker thread lives without work. Default 10,000. */
  readonly workerIdleMs?: number;
  /** Fakes for tests. */
  readonly kernel?: NetworkKernel;
  readonly maker?: SandboxMaker;
}

const defaultPoolSize = 4;
const defaultRefillDelayMs = 100;
const defaultWorkerIdleMs = 10_000;
const fileNameDigits = 12;
const linkNameDigits = 7;
const macPattern = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** The host's end of a sandbox's link. It follows from the name of the namespace's file, which begins the sandbox's id. */
const hostLinkOf = (id: string): string => `veth${id.slice(0, linkNameDigits)}`;

/**
 * Opens the default bridge: settles its address and reads what containers hold. Nothing is made before `reconcile`.
 * Throws GantryError when the bridge's options cannot work on this host.
 */
export function openBridgeNetwork(config: BridgeNetworkConfig): BridgeNetwork {
  const kernel = config.kernel ?? networkKernel;
  const routes = kernel.openRoutes();
  try {
    return new DefaultBridge(config, kernel, routes, settleBridge(routes, config.bridge));
  } catch (error) {
    routes.close();
    throw error;
  }
}

function makerFor({ makeIn, workerIdleMs }: BridgeNetworkConfig, kernel: NetworkKernel): SandboxMaker {
  return makeIn === 'mainThread' ? inlineMaker(kernel) : new SandboxThread(workerIdleMs ?? defaultWorkerIdleMs);
}

class DefaultBridge implements BridgeNetwork {
  readonly id: string;
  readonly options: BridgeOptions;
  readonly #config: BridgeNetworkConfig;
  readonly #kernel: NetworkKernel;
  readonly #routes: RouteSocket;
  readonly #removerRoutes: RouteSocket;
  readonly #addresses: AddressPool;
  readonly #maker: SandboxMaker;
  readonly #pool: SandboxPool;
  readonly #remover: SandboxRemover;
  /** Containers whose attach is under way. */
  readonly #attaching = new Set<string>();
  /** Attaches that wait for an address: the pool takes none meanwhile. */
  #starvingCount = 0;
  #state: 'opened' | 'ready' | 'closed' = 'opened';

  constructor(config: BridgeNetworkConfig, kernel: NetworkKernel, routes: RouteSocket, options: BridgeOptions) {
    this.id = config.id;
    this.options = options;
    this.#config = config;
    this.#kernel = kernel;
    this.#routes = routes;
    this.#removerRoutes = kernel.openRoutes();
    this.#addresses = addressPool(options.address, [this.#gateway()]);
    this.#maker = config.maker ?? makerFor(config, kernel);
    this.#remover = new SandboxRemover(kernel, this.#removerRoutes, config.logger);
    this.#pool = this.#openPool(config.poolSize ?? defaultPoolSize);
    for (const [, { endpoint }] of config.sandboxes.entries()) this.#reserve(endpoint);
  }

  async attach(containerId: string, request: AttachRequest): Promise<Sandbox> {
    if (this.#state !== 'ready') throw new GantryError('unavailable', 'the bridge network is not ready');
    if (this.#attaching.has(containerId) || this.sandboxOf(containerId) !== undefined) {
      throw new GantryError('conflict', `container ${containerId} is attached to the network already`);
    }
    this.#attaching.add(containerId);
    try {
      return await this.#attach(containerId, request);
    } finally {
      this.#attaching.delete(containerId);
    }
  }

  async detach(containerId: string): Promise<void> {
    const sandbox = this.sandboxOf(containerId);
    if (sandbox === undefined) return;
    this.#config.sandboxes.delete(containerId);
    this.#discard(sandbox);
  }

  sandboxOf(containerId: string): Sandbox | undefined {
    return this.#config.sandboxes.get(containerId);
  }

  endpointOf(containerId: string): Endpoint | undefined {
    return this.sandboxOf(containerId)?.endpoint;
  }

  async reconcile(live: ReadonlySet<string>): Promise<void> {
    ensureBridge(this.#kernel, this.#routes, this.options);
    if (this.options.manageFirewall) applyFirewall(this.#kernel, this.#firewall(), this.#config.logger);
    const { sandboxes } = this.#config;
    const dead = [...sandboxes.entries()].filter(([containerId]) => !live.has(containerId));
    for (const [containerId, sandbox] of dead) {
      sandboxes.delete(containerId);
      this.#discard(sandbox);
    }
    await this.#remover.settled();
    this.#remover.remove(...this.#leftovers());
    await this.#remover.settled();
    this.#rejoin();
    this.#state = 'ready';
    this.#pool.open();
  }

  async close({ destroy }: { readonly destroy: boolean }): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const sandbox of await this.#pool.close()) this.#discard(sandbox);
    if (destroy) this.#forgetAll();
    await this.#remover.settled();
    await this.#maker.close();
    if (destroy) this.#destroy();
    this.#routes.close();
    this.#removerRoutes.close();
  }

  #gateway(): string {
    return formatAddress(parseCidr(this.options.address).address);
  }

  #firewall(): FirewallOptions {
    const { name: bridge, enableIpMasquerade: masquerade } = this.options;
    return { bridge, subnet: bridgeSubnet(this.options), masquerade };
  }

  #openPool(size: number): SandboxPool {
    return new SandboxPool({
      sizes: { connected: size, isolated: Math.ceil(size / 2) },
      refillDelayMs: this.#config.refillDelayMs ?? defaultRefillDelayMs,
      make: (isolated) => this.#makeAhead(isolated),
      discard: (sandbox) => this.#discard(sandbox),
      onError: (error) => {
        this.#config.logger.warn('cannot make network sandboxes ahead', { error: messageOf(error) });
      },
    });
  }

  #reserve(endpoint: Endpoint | undefined): void {
    // A record of another subnet (the bridge's address was changed) holds nothing of this one.
    if (endpoint !== undefined) this.#addresses.reserve(endpoint.address);
  }

  async #attach(containerId: string, { isolated, macAddress }: AttachRequest): Promise<Sandbox> {
    if (macAddress !== undefined && !macPattern.test(macAddress)) {
      throw new GantryError('invalid', `invalid MAC address: "${macAddress}"`);
    }
    const ready = macAddress === undefined ? this.#pool.take(isolated) : undefined;
    const sandbox = ready ?? (await this.#makeNow(isolated, macAddress));
    try {
      this.#config.sandboxes.put(containerId, sandbox);
    } catch (error) {
      this.#discard(sandbox);
      throw error;
    }
    return sandbox;
  }

  /** Undefined when no address is left for a sandbox that nobody waits for. */
  async #makeAhead(isolated: boolean): Promise<Sandbox | undefined> {
    const address = isolated || this.#starvingCount > 0 ? undefined : this.#addresses.allocate();
    if (!isolated && address === undefined) return undefined;
    return await this.#make(address === undefined ? undefined : this.#newEndpoint(address, undefined));
  }

  async #makeNow(isolated: boolean, macAddress: string | undefined): Promise<Sandbox> {
    return await this.#make(isolated ? undefined : this.#newEndpoint(await this.#allocate(), macAddress));
  }

  async #make(endpoint: Endpoint | undefined): Promise<Sandbox> {
    const id = newId();
    const path = `${this.#config.namespaceDir}/${id.slice(0, fileNameDigits)}`;
    const sandbox = { id, path, endpoint };
    try {
      await this.#maker.make({ path, endpoint: endpoint && this.#planOf(id, endpoint) });
    } catch (error) {
      this.#discard(sandbox);
      throw error;
    }
    return sandbox;
  }

  #newEndpoint(address: string, macAddress: string | undefined): Endpoint {
    return {
      networkId: this.id,
      endpointId: newId(),
      address,
      prefixLength: parseCidr(this.options.address).prefixLength,
      gateway: this.#gateway(),
      macAddress: macAddress?.toLowerCase() ?? macFor(address),
    };
  }

  #planOf(id: string, endpoint: Endpoint): EndpointPlan {
    const { address, prefixLength, gateway, macAddress } = endpoint;
    const { name: bridge, mtu } = this.options;
    return { bridge, hostLink: hostLinkOf(id), mtu, address, prefixLength, gateway, macAddress };
  }

  async #allocate(): Promise<string> {
    const address = this.#addresses.allocate() ?? (await this.#allocateAfterRemoval());
    if (address !== undefined) return address;
    throw new GantryError(
      'unavailable',
      `no available IPv4 addresses on this network's address pools: bridge (${this.id})`,
    );
  }

  /** The last addresses may be held by ready sandboxes, or by links that are just going away. */
  async #allocateAfterRemoval(): Promise<string | undefined> {
    this.#starvingCount += 1;
    try {
      await this.#pool.settled();
      for (const sandbox of this.#pool.drain()) this.#discard(sandbox);
      await this.#remover.settled();
      return this.#addresses.allocate();
    } finally {
      this.#starvingCount -= 1;
    }
  }

  #discard({ id, path, endpoint }: Sandbox): void {
    if (endpoint === undefined) {
      this.#remover.remove({ path });
      return;
    }
    const whenGone = (): void => this.#addresses.release(endpoint.address);
    this.#remover.remove({ path, hostLink: hostLinkOf(id), whenGone });
  }

  /** What lies in the namespaces' directory, and on a bridge of ours, that no record holds. */
  #leftovers(): Leftover[] {
    const kept = [...this.#config.sandboxes.entries()].map(([, { id }]) => id.slice(0, fileNameDigits));
    const files = this.#kernel
      .namespaces(this.#config.namespaceDir)
      .filter((name) => /^[0-9a-f]{12}$/.test(name) && !kept.includes(name));
    const known = new Set([...kept, ...files].map(hostLinkOf));
    const links = this.#ownPorts().filter((name) => !known.has(name));
    return [
      ...files.map((name) => ({ path: `${this.#config.namespaceDir}/${name}`, hostLink: hostLinkOf(name) })),
      ...links.map((hostLink) => ({ hostLink })),
    ];
  }

  /** Live containers whose links lost the bridge (it was removed and is new) become its ports again. */
  #rejoin(): void {
    const bridge = this.#routes.findLink(this.options.name);
    if (bridge === undefined) return;
    for (const [, { id, endpoint }] of this.#config.sandboxes.entries()) {
      const link = endpoint === undefined ? undefined : this.#routes.findLink(hostLinkOf(id));
      if (link === undefined || link.masterIndex === bridge.index) continue;
      this.#routes.apply(setLinkUp(link.name, bridge.index));
    }
  }

  #ownPorts(): string[] {
    const bridge = this.options.isExternal ? undefined : this.#routes.findLink(this.options.name);
    if (bridge === undefined) return [];
    return this.#routes
      .links()
      .filter(({ name, masterIndex }) => masterIndex === bridge.index && /^veth[0-9a-f]{7}$/.test(name))
      .map(({ name }) => name);
  }

  #forgetAll(): void {
    const { sandboxes } = this.#config;
    for (const [containerId, sandbox] of sandboxes.entries()) {
      sandboxes.delete(containerId);
      this.#discard(sandbox);
    }
  }

  #destroy(): void {
    if (this.options.manageFirewall) removeFirewall(this.#kernel, this.#firewall());
    removeBridge(this.#routes, this.options);
  }
}
