/** Links, addresses and routes: requests for, and answers of, the kernel's route family. IPv4 only. See rtnetlink(7). */
import ipaddr from 'ipaddr.js';

import {
  attribute,
  attributeText,
  attributeU32,
  decodeAttributes,
  nested,
  type NetlinkMessage,
  type NetlinkRequest,
  u32,
  zeroTerminated,
} from './netlink.ts';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, ...; undefined for a physical link. */
  readonly kind: string | undefined;
  /** Index of the bridge (or bond) that the link is a port of. */
  readonly masterIndex: number | undefined;
  readonly isUp: boolean;
  readonly mtu: number;
  /** Free text that its maker gave it; empty when none did. */
  readonly alias: string;
}

export interface LinkAddress {
  readonly linkIndex: number;
  readonly address: string;
  readonly prefixLength: number;
}

export interface Route {
  /** CIDR; the default route is 0.0.0.0/0. */
  readonly destination: string;
  readonly linkIndex: number | undefined;
}

export interface VethOptions {
  readonly name: string;
  /** Name, namespace (an open descriptor of it) and MAC address of the other end. */
  readonly peer: { readonly name: string; readonly namespaceDescriptor: number; readonly macAddress: string };
  readonly mtu: number;
}

const newLink = 16;
const deleteLinkType = 17;
const getLink = 18;
const newAddress = 20;
const deleteAddressType = 21;
const getAddress = 22;
const newRoute = 24;
const getRoute = 26;

const flagReplace = 0x100;
const flagExclusive = 0x200;
const flagCreate = 0x400;

const familyInet = 2;
const familyInet6 = 10;
const linkUp = 1;

const linkAttribute = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  info: 18,
  alias: 20,
  group: 27,
  namespaceDescriptor: 28,
  familySpecific: 26,
};
const infoKind = 1;
const infoData = 2;
const vethPeer = 1;
const inet6AddressGeneration = 8;
const addressGenerationNone = 1;
const addressAttribute = { address: 1, local: 2, broadcast: 4 };
const routeAttribute = { destination: 1, outLink: 4, gateway: 5, table: 15 };
const routeTableMain = 254;
const routeTableLocal = 255;
const routeProtocolBoot = 3;
const routeScopeUniverse = 0;
const routeTypeUnicast = 1;

interface LinkHeader {
  readonly index?: number;
  /** Sets or clears IFF_UP; left alone when absent. */
  readonly up?: boolean;
}

function linkHeader({ index = 0, up }: LinkHeader): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(up === true ? linkUp : 0, 8);
  header.writeUInt32LE(up === undefined ? 0 : linkUp, 12);
  return header;
}

const addressBytes = (address: string): Uint8Array => Uint8Array.from(ipaddr.IPv4.parse(address).toByteArray());

const macBytes = (mac: string): Uint8Array => Buffer.from(mac.replaceAll(':', ''), 'hex');

function request(label: string, type: number, flags: number, ...parts: readonly Uint8Array[]): NetlinkRequest {
  return { label, type, flags, body: Buffer.concat(parts) };
}

/** Makes a bridge with a MAC address of its own, so that it does not change with its ports. Fails when the name is taken. */
export function addBridge(
  name: string,
  options: { readonly macAddress: string; readonly mtu: number },
): NetlinkRequest {
  return request(
    `add bridge ${name}`,
    newLink,
    flagCreate | flagExclusive,
    linkHeader({}),
    attribute(linkAttribute.name, zeroTerminated(name)),
    attribute(linkAttribute.address, macBytes(options.macAddress)),
    attribute(linkAttribute.mtu, u32(options.mtu)),
    nested(linkAttribute.info, attribute(infoKind, zeroTerminated('bridge'))),
  );
}

/** Makes a pair of links, one end here and the other in another namespace, both down. Fails when the name is taken. */
export function addVeth({ name, peer, mtu }: VethOptions): NetlinkRequest {
  const peerPart = [
    linkHeader({}),
    attribute(linkAttribute.name, zeroTerminated(peer.name)),
    attribute(linkAttribute.address, macBytes(peer.macAddress)),
    attribute(linkAttribute.mtu, u32(mtu)),
    attribute(linkAttribute.namespaceDescriptor, u32(peer.namespaceDescriptor)),
  ];
  const data = nested(infoData, attribute(vethPeer, Buffer.concat(peerPart)));
  return request(
    `add veth ${name}`,
    newLink,
    flagCreate | flagExclusive,
    linkHeader({}),
    attribute(linkAttribute.name, zeroTerminated(name)),
    attribute(linkAttribute.mtu, u32(mtu)),
    nested(linkAttribute.info, attribute(infoKind, zeroTerminated('veth')), data),
  );
}

/** Keeps the kernel from giving the link an IPv6 link-local address, with the traffic that comes with it. */
export function withoutLinkLocal(name: string): NetlinkRequest {
  const inet6 = nested(familyInet6, attribute(inet6AddressGeneration, Uint8Array.of(addressGenerationNone)));
  return request(
    `set addrgenmode of ${name}`,
    newLink,
    0,
    linkHeader({}),
    attribute(linkAttribute.name, zeroTerminated(name)),
    nested(linkAttribute.familySpecific, inet6),
  );
}

/** Sets the link up and, with `masterIndex`, makes it a port of that bridge. */
export function setLinkUp(name: string, masterIndex?: number): NetlinkRequest {
  return request(
    `set ${name} up`,
    newLink,
    0,
    linkHeader({ up: true }),
    attribute(linkAttribute.name, zeroTerminated(name)),
    masterIndex === undefined ? Buffer.alloc(0) : attribute(linkAttribute.master, u32(masterIndex)),
  );
}

/** Gives a link a free text by which its maker knows it again. */
export function setLinkAlias(name: string, alias: string): NetlinkRequest {
  return request(
    `set alias of ${name}`,
    newLink,
    0,
    linkHeader({}),
    attribute(linkAttribute.name, zeroTerminated(name)),
    attribute(linkAttribute.alias, Buffer.from(alias)),
  );
}

/** Puts a link into a group, so that several are deleted at the cost of one. */
export function setLinkGroup(name: string, group: number): NetlinkRequest {
  return request(
    `set group of ${name}`,
    newLink,
    0,
    linkHeader({}),
    attribute(linkAttribute.name, zeroTerminated(name)),
    attribute(linkAttribute.group, u32(group)),
  );
}

export function deleteLink(name: string): NetlinkRequest {
  const named = attribute(linkAttribute.name, zeroTerminated(name));
  return request(`delete link ${name}`, deleteLinkType, 0, linkHeader({}), named);
}

/** Deletes all links of a group. ENODEV when there is none. */
export function deleteLinkGroup(group: number): NetlinkRequest {
  const grouped = attribute(linkAttribute.group, u32(group));
  return request(`delete links of group ${group}`, deleteLinkType, 0, linkHeader({}), grouped);
}

export function findLink(name: string): NetlinkRequest {
  const named = attribute(linkAttribute.name, zeroTerminated(name));
  return request(`find link ${name}`, getLink, 0, linkHeader({}), named);
}

export const listLinks: NetlinkRequest = request('list links', getLink, 0, linkHeader({}));

function addressHeader(linkIndex: number, prefixLength: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(familyInet, 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt32LE(linkIndex, 4);
  return header;
}

/** The last address of a subnet, which all its hosts listen to. */
function broadcastBytes({ address, prefixLength }: LinkAddress): Uint8Array {
  const hostBits = 32 - prefixLength;
  const value = Buffer.from(addressBytes(address)).readUInt32BE();
  const broadcast = Buffer.alloc(4);
  broadcast.writeUInt32BE((value | (2 ** hostBits - 1)) >>> 0);
  return broadcast;
}

export function addAddress(to: LinkAddress): NetlinkRequest {
  return request(
    `add address ${to.address}/${to.prefixLength}`,
    newAddress,
    flagCreate | flagExclusive,
    addressHeader(to.linkIndex, to.prefixLength),
    attribute(addressAttribute.local, addressBytes(to.address)),
    attribute(addressAttribute.address, addressBytes(to.address)),
    attribute(addressAttribute.broadcast, broadcastBytes(to)),
  );
}

export function deleteAddress(from: LinkAddress): NetlinkRequest {
  return request(
    `delete address ${from.address}/${from.prefixLength}`,
    deleteAddressType,
    0,
    addressHeader(from.linkIndex, from.prefixLength),
    attribute(addressAttribute.local, addressBytes(from.address)),
  );
}

export const listAddresses: NetlinkRequest = request('list addresses', getAddress, 0, addressHeader(0, 0));

function routeHeader(table: number, protocol: number, type: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(familyInet, 0);
  header.writeUInt8(table, 4);
  header.writeUInt8(protocol, 5);
  header.writeUInt8(routeScopeUniverse, 6);
  header.writeUInt8(type, 7);
  return header;
}

/** Sends all that no other route takes through `gateway`. */
export function addDefaultRoute(gateway: string, linkIndex: number): NetlinkRequest {
  return request(
    `add default route via ${gateway}`,
    newRoute,
    flagCreate | flagReplace,
    routeHeader(routeTableMain, routeProtocolBoot, routeTypeUnicast),
    attribute(routeAttribute.gateway, addressBytes(gateway)),
    attribute(routeAttribute.outLink, u32(linkIndex)),
  );
}

export const listRoutes: NetlinkRequest = request('list routes', getRoute, 0, routeHeader(0, 0, 0));

const linkHeaderBytes = 16;
const addressHeaderBytes = 8;
const routeHeaderBytes = 12;

const viewOf = (body: Uint8Array, leastBytes: number): DataView => {
  if (body.length < leastBytes) throw new RangeError(`netlink: a body of ${body.length} bytes`);
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
};

const optionalText = (payload: Uint8Array | undefined): string | undefined =>
  payload === undefined ? undefined : attributeText(payload);

const optionalNumber = (payload: Uint8Array | undefined): number | undefined =>
  payload === undefined ? undefined : attributeU32(payload);

/** The link that a message describes; undefined when the message is about something else. */
export function decodeLink(message: NetlinkMessage): Link | undefined {
  if (message.type !== newLink) return undefined;
  const view = viewOf(message.body, linkHeaderBytes);
  const attributes = decodeAttributes(message.body, linkHeaderBytes);
  const info = attributes.get(linkAttribute.info);
  return {
    index: view.getInt32(4, true),
    name: optionalText(attributes.get(linkAttribute.name)) ?? '',
    kind: info === undefined ? undefined : optionalText(decodeAttributes(info).get(infoKind)),
    masterIndex: optionalNumber(attributes.get(linkAttribute.master)),
    isUp: (view.getUint32(8, true) & linkUp) !== 0,
    mtu: optionalNumber(attributes.get(linkAttribute.mtu)) ?? 0,
    alias: optionalText(attributes.get(linkAttribute.alias)) ?? '',
  };
}

const addressText = (payload: Uint8Array | undefined): string | undefined =>
  payload?.length === 4 ? payload.join('.') : undefined;

/** The IPv4 address that a message describes; undefined when the message is about something else. */
export function decodeAddress(message: NetlinkMessage): LinkAddress | undefined {
  if (message.type !== newAddress) return undefined;
  const view = viewOf(message.body, addressHeaderBytes);
  const attributes = decodeAttributes(message.body, addressHeaderBytes);
  const address = addressText(attributes.get(addressAttribute.local) ?? attributes.get(addressAttribute.address));
  if (address === undefined) return undefined;
  return { linkIndex: view.getUint32(4, true), address, prefixLength: view.getUint8(1) };
}

/** The IPv4 route that a message describes; undefined for another thing and for the table of the host's own addresses. */
export function decodeRoute(message: NetlinkMessage): Route | undefined {
  if (message.type !== newRoute) return undefined;
  const view = viewOf(message.body, routeHeaderBytes);
  if (view.getUint8(0) !== familyInet) return undefined;
  const attributes = decodeAttributes(message.body, routeHeaderBytes);
  const table = attributes.get(routeAttribute.table);
  if ((table === undefined ? view.getUint8(4) : attributeU32(table)) === routeTableLocal) return undefined;
  const destination = addressText(attributes.get(routeAttribute.destination)) ?? '0.0.0.0';
  const outLink = attributes.get(routeAttribute.outLink);
  return {
    destination: `${destination}/${view.getUint8(1)}`,
    linkIndex: outLink === undefined ? undefined : attributeU32(outLink),
  };
}
