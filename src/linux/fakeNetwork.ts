import { attributeText, attributeU32, decodeAttributes, type NetlinkRequest } from './netlink.ts';
import type { NetworkKernel, RouteSocket, Setting } from './network.ts';
import type { IptablesRunner, NftRunner } from './nftables.ts';
import type { Link, LinkAddress, Route } from './rtnetlink.ts';

const newLink = 16;
const deleteLink = 17;
const newAddress = 20;
const deleteAddress = 21;
const flagCreate = 0x400;
const attributeName = 3;
const attributeMaster = 10;
const attributeInfo = 18;
const attributeAlias = 20;
const attributeGroup = 27;
const attributeLocal = 2;
const linkHeaderBytes = 16;
const addressHeaderBytes = 8;

type FakeLink = Link & { readonly group: number };

function systemError(code: string, what: string): NodeJS.ErrnoException {
  const error = new Error(`${code}: ${what}`) as NodeJS.ErrnoException;
  error.code = code;
  return error;
}

/**
 * A network in memory that records what was asked of it, for tests without root. It understands the links and addresses
 * of the requests' real bytes; everything else is recorded only. `calls` holds one line per call, in order: requests by
 * their label, with the namespace's path in front where it is not the host's.
 */
export class RecordingNetwork implements NetworkKernel {
  readonly calls: string[] = [];
  readonly settings = new Map<string, string>();
  readonly namespaceFiles = new Set<string>();
  /** The host's routes. */
  hostRoutes: Route[] = [];
  /** The host's links and addresses. */
  readonly host = new RecordingRoutes(this, '');
  /** What the tools answer; a missing tool is undefined. */
  nftRunner: NftRunner | undefined;
  iptablesRunner: IptablesRunner | undefined;
  legacyTableNames: string[] = [];

  openRoutes(): RouteSocket {
    return this.host;
  }

  createNamespace(path: string, settings: readonly Setting[]): RouteSocket {
    this.calls.push(`create namespace ${path}`, ...settings.map(([key, value]) => `${path}: ${key} = ${value}`));
    if (this.namespaceFiles.has(path)) throw systemError('EEXIST', path);
    this.namespaceFiles.add(path);
    const routes = new RecordingRoutes(this, path);
    routes.put({ index: 1, name: 'lo', kind: undefined });
    routes.put({ index: 2, name: 'eth0', kind: 'veth' });
    return routes;
  }

  removeNamespace(path: string): void {
    this.calls.push(`remove namespace ${path}`);
    this.namespaceFiles.delete(path);
  }

  namespaces(dir: string): string[] {
    return [...this.namespaceFiles]
      .filter((path) => path.startsWith(`${dir}/`))
      .map((path) => path.slice(dir.length + 1));
  }

  withNamespace<T>(_path: string, work: (descriptor: number) => T): T {
    return work(3);
  }

  readSetting(key: string): string {
    return this.settings.get(key) ?? '0';
  }

  writeSetting([key, value]: Setting): void {
    this.calls.push(`${key} = ${value}`);
    this.settings.set(key, value);
  }

  nft(): NftRunner | undefined {
    const runner = this.nftRunner;
    if (runner === undefined) return undefined;
    return (commands) => {
      this.calls.push(`nft ${commands}`);
      return runner(commands);
    };
  }

  iptables(name: string): IptablesRunner | undefined {
    const runner = this.iptablesRunner;
    if (runner === undefined) return undefined;
    return (args) => {
      this.calls.push(`${name} ${args.join(' ')}`);
      return runner(args);
    };
  }

  legacyTables(): string[] {
    return this.legacyTableNames;
  }
}

/** One namespace of a RecordingNetwork. */
export class RecordingRoutes implements RouteSocket {
  readonly #network: RecordingNetwork;
  readonly #path: string;
  readonly #links = new Map<string, FakeLink>();
  #addresses: LinkAddress[] = [];
  #nextIndex = 10;
  /** Lets background work wait, so that a test sees the state before it. */
  gate: Promise<void> = Promise.resolve();

  constructor(network: RecordingNetwork, path: string) {
    this.#network = network;
    this.#path = path;
  }

  /** Adds a link that was there before. */
  put(link: Partial<Link> & { readonly name: string }): FakeLink {
    const index = link.index ?? this.#nextIndex++;
    const made = {
      kind: undefined,
      masterIndex: undefined,
      isUp: false,
      mtu: 1500,
      alias: '',
      group: 0,
      ...link,
      index,
    };
    this.#links.set(link.name, made);
    return made;
  }

  putAddress(address: LinkAddress): void {
    this.#addresses.push(address);
  }

  apply(...requests: readonly NetlinkRequest[]): void {
    let failure: unknown;
    for (const request of requests) {
      this.#network.calls.push(this.#path === '' ? request.label : `${this.#path}: ${request.label}`);
      try {
        this.#understand(request);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure as Error;
  }

  async applyInBackground(...requests: readonly NetlinkRequest[]): Promise<void> {
    await this.gate;
    this.apply(...requests);
  }

  findLink(name: string): Link | undefined {
    return this.#links.get(name);
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  addresses(): LinkAddress[] {
    return [...this.#addresses];
  }

  routes(): Route[] {
    return this.#network.hostRoutes;
  }

  close(): void {}

  #understand(request: NetlinkRequest): void {
    if (request.type === newLink) this.#changeLink(request);
    else if (request.type === deleteLink) this.#removeLinks(request);
    else if (request.type === newAddress) this.#addresses.push(addressIn(request));
    else if (request.type === deleteAddress) {
      const { address } = addressIn(request);
      this.#addresses = this.#addresses.filter((known) => known.address !== address);
    }
  }

  #changeLink(request: NetlinkRequest): void {
    const attributes = decodeAttributes(request.body, linkHeaderBytes);
    const name = attributeText(attributes.get(attributeName) ?? Buffer.of());
    const known = this.#links.get(name);
    if ((request.flags & flagCreate) !== 0) {
      if (known !== undefined) throw systemError('EEXIST', request.label);
      const info = decodeAttributes(attributes.get(attributeInfo) ?? Buffer.of());
      this.put({ name, kind: attributeText(info.get(1) ?? Buffer.of()) });
      return;
    }
    if (known === undefined) throw systemError('ENODEV', request.label);
    const master = attributes.get(attributeMaster);
    const group = attributes.get(attributeGroup);
    const alias = attributes.get(attributeAlias);
    this.#links.set(name, {
      ...known,
      isUp: known.isUp || (request.body[8] ?? 0) === 1,
      masterIndex: master === undefined ? known.masterIndex : attributeU32(master),
      alias: alias === undefined ? known.alias : attributeText(alias),
      group: group === undefined ? known.group : attributeU32(group),
    });
  }

  #removeLinks(request: NetlinkRequest): void {
    const attributes = decodeAttributes(request.body, linkHeaderBytes);
    const name = attributes.get(attributeName);
    const group = attributes.get(attributeGroup);
    const doomed = this.links().filter((link) =>
      name === undefined
        ? group !== undefined && (link as FakeLink).group === attributeU32(group)
        : link.name === attributeText(name),
    );
    if (doomed.length === 0) throw systemError('ENODEV', request.label);
    for (const link of doomed) this.#links.delete(link.name);
  }
}

function addressIn({ body }: NetlinkRequest): LinkAddress {
  const local = decodeAttributes(body, addressHeaderBytes).get(attributeLocal) ?? Buffer.of();
  return { linkIndex: Buffer.from(body).readUInt32LE(4), address: local.join('.'), prefixLength: body[1] ?? 0 };
}
