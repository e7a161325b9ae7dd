/**
 * Sandboxes (network namespaces) and their endpoints on the default bridge. A sandbox's namespace is kept by a bind mount
 * in the exec root, so that it outlives the daemon; ready ones wait in a small pool.
 */
export interface BridgeOptions {
  readonly name: string;
  /** The bridge's own address with its prefix, such as 172.18.0.1/16. */
  readonly address: string;
  readonly enableIpMasquerade: boolean;
  readonly manageFirewall: boolean;
  readonly mtu: number;
}

export interface Sandbox {
  /** Path of the namespace, for the OCI config. */
  readonly path: string;
  readonly endpoint: Endpoint | undefined;
}

export interface Endpoint {
  readonly networkId: string;
  readonly endpointId: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly macAddress: string;
}

export interface BridgeNetwork {
  readonly id: string;
  readonly options: BridgeOptions;
  /** A sandbox with loopback up and, unless `isolated`, an endpoint with address and default route. Never the same twice. */
  attach(containerId: string, options: { readonly isolated: boolean; readonly macAddress?: string }): Promise<Sandbox>;
  /** Gives namespace, link and address back. Fast; unknown ids are no error. */
  detach(containerId: string): Promise<void>;
  /** What is attached, as recorded. */
  endpointOf(containerId: string): Endpoint | undefined;
  /** Makes bridge and rules, takes up what `live` containers hold, sweeps the rest. Run once at start. */
  reconcile(live: ReadonlySet<string>): Promise<void>;
  /** Stops the pool, closes sockets; leaves running containers' networking alone. With `destroy`, removes bridge and rules. */
  close(options: { readonly destroy: boolean }): Promise<void>;
}
