/** Makes a sandbox, step by step. Synchronous, and switches namespaces: runs in a worker thread. */
import { GantryError } from '../base/index.ts';
import {
  addAddress,
  addDefaultRoute,
  addVeth,
  deleteLink,
  type NetworkKernel,
  type RouteSocket,
  type Setting,
  setLinkUp,
  withoutLinkLocal,
} from '../linux/index.ts';

/** What to make; plain data that crosses to the worker. */
export interface SandboxPlan {
  readonly path: string;
  readonly endpoint: EndpointPlan | undefined;
}

export interface EndpointPlan {
  readonly bridge: string;
  readonly hostLink: string;
  readonly mtu: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly macAddress: string;
}

const containerLink = 'eth0';

/** What a namespace starts with: no IPv6 but on loopback, and Docker's defaults for ports below 1024 and for ping. */
const namespaceSettings: readonly Setting[] = [
  ['net/ipv6/conf/default/disable_ipv6', '1'],
  ['net/ipv4/ip_unprivileged_port_start', '0'],
  ['net/ipv4/ping_group_range', '0 2147483647'],
];

/** Makes the namespace and its endpoint. When it throws, nothing is left behind. `host` is a socket on the host. */
export function buildSandbox(kernel: NetworkKernel, host: RouteSocket, plan: SandboxPlan): void {
  const inside = kernel.createNamespace(plan.path, namespaceSettings);
  try {
    inside.apply(setLinkUp('lo'));
    if (plan.endpoint !== undefined) connect(kernel, host, inside, plan.path, plan.endpoint);
  } catch (error) {
    kernel.removeNamespace(plan.path);
    throw error;
  } finally {
    inside.close();
  }
}

function connect(
  kernel: NetworkKernel,
  host: RouteSocket,
  inside: RouteSocket,
  path: string,
  plan: EndpointPlan,
): void {
  const bridge = host.findLink(plan.bridge);
  if (bridge === undefined) throw new GantryError('unavailable', `the bridge ${plan.bridge} is gone`);
  const { hostLink, mtu, macAddress } = plan;
  kernel.withNamespace(path, (namespaceDescriptor) => {
    const peer = { name: containerLink, namespaceDescriptor, macAddress };
    host.apply(addVeth({ name: hostLink, mtu, peer }));
  });
  try {
    address(inside, plan);
    // The port joins last, with its carrier on, so that the bridge forwards at once.
    host.apply(withoutLinkLocal(hostLink), setLinkUp(hostLink, bridge.index));
  } catch (error) {
    host.apply(deleteLink(hostLink));
    throw error;
  }
}

function address(inside: RouteSocket, plan: EndpointPlan): void {
  const link = inside.findLink(containerLink);
  if (link === undefined) throw new GantryError('internal', `${plan.hostLink} has no other end in its namespace`);
  inside.apply(
    addAddress({ linkIndex: link.index, address: plan.address, prefixLength: plan.prefixLength }),
    setLinkUp(containerLink),
    addDefaultRoute(plan.gateway, link.index),
  );
}
