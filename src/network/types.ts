/**
 * Sandboxes (network namespaces) and their endpoints on the default bridge. A sandbox's namespace is kept by a bind mount
 * in the exec root, so that it outlives the daemon; ready ones wait in a small pool.
 */
export interface BridgeOptions {
  readonly name: string;
  /** The bridge's own address with its prefix, such as 172.18.0.1/16. */
  readonly address: string;
  /** The bridge was there and is the administrator's: it is used with the address that it has, never changed or removed. */
  readonly isExternal: boolean;
  readonly enableIpMasquerade: boolean;
  readonly manageFirewall: boolean;
  readonly mtu: number;
}

export interface Sandbox {
  /** 64 hex digits. */
  readonly id: string;
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

export interface AttachRequest {
  /** Loopback only (`--network none`). */
  readonly isolated: boolean;
  /** As the user asked for it; else it follows from the address. */
  readonly macAddress?: string;
}

export interface BridgeNetwork {
  readonly id: string;
  readonly options: BridgeOptions;
  /**
   * A sandbox with loopback up and, unless `isolated`, an endpoint with address and default route. Never the same twice;
   * recorded when it resolves. Throws GantryError: `conflict` when the container has one, `unavailable` when no address is
   * free or `reconcile` has not run, `invalid` for a bad MAC address.
   */
  attach(containerId: string, options: AttachRequest): Promise<Sandbox>;
  /** Gives namespace, link and address back. Fast: the kernel's work is done after it; unknown ids are no error. */
  detach(containerId: string): Promise<void>;
  /** What is attached, as recorded. */
  sandboxOf(containerId: string): Sandbox | undefined;
  endpointOf(containerId: string): Endpoint | undefined;
  /** Makes bridge and rules, takes up what `live` containers hold, sweeps the rest. Run once at start. */
  reconcile(live: ReadonlySet<string>): Promise<void>;
  /** Stops the pool, closes sockets; leaves running containers' networking alone. With `destroy`, removes bridge, rules and all sandboxes. */
  close(options: { readonly destroy: boolean }): Promise<void>;
}

/**
 * The part of a collection of records that the network needs. What is put must be on the disk before anything is recorded
 * that depends on it; what a crash takes back, `reconcile` settles.
 */
export interface Records<T> {
  get(key: string): T | undefined;
  entries(): Iterable<readonly [string, T]>;
  put(key: string, value: T): void;
  delete(key: string): void;
}

/** What is recorded of a network, by its name. */
export interface NetworkRecord {
  readonly id: string;
}
