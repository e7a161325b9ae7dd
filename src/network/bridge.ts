/** The bridge itself: its address is settled when the network is opened, the link is made when it is reconciled. */
import { GantryError } from '../base/index.ts';
import {
  addAddress,
  addBridge,
  deleteAddress,
  deleteLink,
  type Link,
  type NetworkKernel,
  type RouteSocket,
  setLinkAlias,
  setLinkUp,
} from '../linux/index.ts';
import { formatAddress, formatSubnet, parseAddress, parseCidr, subnetOf } from './addressPool.ts';
import { chooseBridgeAddress } from './bridgeAddress.ts';
import type { BridgeOptions } from './types.ts';

/** What is asked of the bridge: without an address it keeps the one that it has, else a free one is chosen. */
export type BridgeRequest = Omit<BridgeOptions, 'address' | 'isExternal'> & {
  readonly address?: string;
  /** When absent it is found out: a bridge that is there and does not bear our mark is the administrator's. */
  readonly isExternal?: boolean;
};

/** Marks the bridges that a daemon made, so that it knows them from the administrator's after a restart. */
const ownAlias = 'gantry';
const forwarding = 'net/ipv4/ip_forward';

/** The MAC address that follows from an IPv4 address: locally administered, 02:42 and the address's four bytes. */
export function macFor(address: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(parseAddress(address));
  return ['02', '42', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/**
 * The bridge's options with its address and owner settled. Throws GantryError when the bridge cannot be used.
 */
export function settleBridge(routes: RouteSocket, request: BridgeRequest): BridgeOptions {
  // The name goes into firewall rules and file names.
  if (!/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(request.name)) {
    throw new GantryError('invalid', `invalid bridge name: "${request.name}"`);
  }
  const link = findBridge(routes, request.name);
  const present = link === undefined ? [] : addressesOf(routes, link);
  const isExternal = request.isExternal ?? (link !== undefined && link.alias !== ownAlias);
  if (isExternal && link === undefined) {
    throw new GantryError('invalid', `bridge device with non default name ${request.name} must be created manually`);
  }
  const address = isExternal
    ? externalAddress(request, present)
    : (request.address ?? present[0] ?? chooseFree(routes));
  return { ...request, isExternal, address: checkedAddress(address) };
}

/** An address that the administrator's bridge has. */
function externalAddress({ name, address }: BridgeRequest, present: readonly string[]): string {
  const chosen = address === undefined ? present[0] : present.find((one) => one === checkedAddress(address));
  if (chosen !== undefined) return chosen;
  const wanted = address === undefined ? 'no IPv4 address' : `not the address ${address}`;
  throw new GantryError('conflict', `the bridge ${name}, which is not the daemon's own, has ${wanted}`, {
    hint: `Give it one with \`ip address add\`, or remove it with \`ip link delete ${name}\` to have it made again.`,
  });
}

const chooseFree = (routes: RouteSocket): string =>
  chooseBridgeAddress(routes.routes().map((route) => route.destination));

function checkedAddress(cidr: string): string {
  const { address } = parseCidr(cidr);
  const { base, prefixLength } = subnetOf(cidr);
  const isHost = address > base && address < base + 2 ** (32 - prefixLength) - 1;
  if (prefixLength < 1 || prefixLength > 30 || !isHost) {
    throw new GantryError('invalid', `invalid address for a bridge: "${cidr}"`);
  }
  return `${formatAddress(address)}/${prefixLength}`;
}

/** CIDR of the bridge's subnet. */
export const bridgeSubnet = (options: BridgeOptions): string => formatSubnet(subnetOf(options.address));

function findBridge(routes: RouteSocket, name: string): Link | undefined {
  const link = routes.findLink(name);
  if (link === undefined || link.kind === 'bridge') return link;
  throw new GantryError('conflict', `the link ${name} is no bridge`);
}

const addressesOf = (routes: RouteSocket, link: Link): string[] =>
  routes
    .addresses()
    .filter(({ linkIndex }) => linkIndex === link.index)
    .map(({ address, prefixLength }) => `${address}/${prefixLength}`);

/** Makes the bridge, unless it is there, gives it its address alone, and turns forwarding on. */
export function ensureBridge(kernel: NetworkKernel, routes: RouteSocket, options: BridgeOptions): void {
  if (!options.isExternal) ensureOwnBridge(routes, options);
  if (kernel.readSetting(forwarding) !== '1') kernel.writeSetting([forwarding, '1']);
}

function ensureOwnBridge(routes: RouteSocket, options: BridgeOptions): void {
  const { address, prefixLength } = parseCidr(options.address);
  const text = formatAddress(address);
  if (findBridge(routes, options.name) === undefined) {
    const made = addBridge(options.name, { macAddress: macFor(text), mtu: options.mtu });
    routes.apply(made, setLinkAlias(options.name, ownAlias));
  }
  const link = findBridge(routes, options.name);
  if (link === undefined) throw new GantryError('internal', `the bridge ${options.name} went away while it was made`);
  const present = addressesOf(routes, link);
  for (const old of present.filter((other) => other !== options.address)) {
    const parts = parseCidr(old);
    routes.apply(
      deleteAddress({ linkIndex: link.index, address: formatAddress(parts.address), prefixLength: parts.prefixLength }),
    );
  }
  if (!present.includes(options.address)) {
    routes.apply(addAddress({ linkIndex: link.index, address: text, prefixLength }));
  }
  if (!link.isUp) routes.apply(setLinkUp(options.name));
}

/** Removes a bridge of ours; one that is gone is no error. */
export function removeBridge(routes: RouteSocket, options: BridgeOptions): void {
  if (!options.isExternal && findBridge(routes, options.name) !== undefined) routes.apply(deleteLink(options.name));
}
