/** The texts of a container's /etc/hosts, /etc/hostname and /etc/resolv.conf. Pure: the caller reads and writes files. */
import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

import { GantryError } from '../base/index.ts';

export interface HostsOptions {
  readonly hostname: string;
  readonly domainname: string;
  /** The container's own address; absent without a network of its own. */
  readonly address: string | undefined;
  /** `NAME:ADDRESS` as in HostConfig.ExtraHosts; the address may be `host-gateway`. */
  readonly extraHosts: readonly string[];
  /** What `host-gateway` stands for. */
  readonly hostGateway: string | undefined;
  /** The host's own file, for a container on the host's network; it replaces the standard lines. */
  readonly hostText?: string;
}

const standardHosts: readonly (readonly [string, string])[] = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::', 'ip6-localnet'],
  ['ff00::', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
];

const hostsLine = (address: string, names: string): string => `${address}\t${names}\n`;

/** /etc/hosts: the standard lines, then the extra hosts, then the container's own. Throws GantryError `invalid`. */
export function hostsFile(options: HostsOptions): string {
  const standard = options.hostText ?? standardHosts.map(([address, names]) => hostsLine(address, names)).join('');
  const extra = options.extraHosts.map((entry) => extraHostLine(entry, options.hostGateway)).join('');
  const own = options.address === undefined ? '' : hostsLine(options.address, ownNames(options));
  const separator = standard === '' || standard.endsWith('\n') ? '' : '\n';
  return `${standard}${separator}${extra}${own}`;
}

/** The full name first and, where it has a domain, the bare one after it. */
function ownNames({ hostname, domainname }: HostsOptions): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const dot = full.indexOf('.');
  return dot === -1 ? full : `${full} ${full.slice(0, dot)}`;
}

/** Throws GantryError `invalid` when an entry of HostConfig.ExtraHosts cannot become a line. */
export function checkExtraHosts(entries: readonly string[]): void {
  for (const entry of entries) extraHostLine(entry, '0.0.0.0');
}

function extraHostLine(entry: string, hostGateway: string | undefined): string {
  const [, name, address] = /^([^:=\s]+)[:=](\S+)$/.exec(entry) ?? [];
  if (name === undefined || address === undefined) {
    throw new GantryError('invalid', `bad format for add-host: "${entry}"`);
  }
  return hostsLine(extraAddress(entry, address, hostGateway), name);
}

function extraAddress(entry: string, address: string, hostGateway: string | undefined): string {
  if (address === 'host-gateway') {
    if (hostGateway !== undefined) return hostGateway;
    throw new GantryError('invalid', `"${entry}": this container's network has no host gateway`);
  }
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  // Not ipaddr.js here: it takes the short forms of old, as 1.2.3, which no resolver reads from this file.
  if (isIP(bare) === 0) throw new GantryError('invalid', `invalid IP address in add-host: "${address}"`);
  return bare;
}

/** /etc/hostname. */
export const hostnameFile = (hostname: string): string => `${hostname}\n`;

export interface ResolvConfOptions {
  /** The host's resolv.conf (systemd-resolved's own one where the host asks 127.0.0.53). */
  readonly hostText: string;
  /** Name servers that the user gave: they replace the host's. */
  readonly dns: readonly string[];
  /** Search domains that the user gave; `.` alone means none. */
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** The container shares the host's network: the host's loopback name servers work there and stay. */
  readonly isHostNetwork: boolean;
}

/** Used when the host has no name server that a container can reach, as Docker does on its default bridge. */
const publicNameServers = ['8.8.8.8', '8.8.4.4'];

interface ResolvConf {
  readonly nameServers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Lines of other keywords, kept. */
  readonly others: readonly string[];
}

/** /etc/resolv.conf (resolv.conf(5)) of a container that has no name server of ours: the default bridge, none and host. */
export function resolvConf(options: ResolvConfOptions): string {
  const host = parseResolvConf(options.hostText);
  const search = options.search.length > 0 ? options.search.filter((domain) => domain !== '.') : host.search;
  const resolverOptions = options.options.length > 0 ? options.options : host.options;
  const lines = [
    ...nameServersFor(options, host).map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(resolverOptions.length > 0 ? [`options ${resolverOptions.join(' ')}`] : []),
    ...host.others,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function nameServersFor(options: ResolvConfOptions, host: ResolvConf): readonly string[] {
  if (options.dns.length > 0) return options.dns;
  if (options.isHostNetwork) return host.nameServers;
  const reachable = host.nameServers.filter(isReachableFromBridge);
  return reachable.length > 0 ? reachable : publicNameServers;
}

/** The bridge has IPv4 only, and a container's loopback is not the host's. */
function isReachableFromBridge(server: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(server) && ipaddr.IPv4.parse(server).range() !== 'loopback';
}

function parseResolvConf(text: string): ResolvConf {
  const nameServers: string[] = [];
  const others: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/);
    if (keyword === '' || keyword.startsWith('#') || keyword.startsWith(';')) continue;
    if (keyword === 'nameserver') nameServers.push(...values.slice(0, 1));
    // The last of several counts, and `domain` is a search list of one.
    else if (keyword === 'search' || keyword === 'domain') search = values;
    else if (keyword === 'options') options.push(...values);
    else others.push(line.trim());
  }
  return { nameServers, search, options, others };
}
