/** The door to the kernel's network: route sockets, namespaces, settings and the firewall's tools. */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { hasCode } from '../base/index.ts';
import { createNetworkNamespace, removeNetworkNamespace } from './namespace.ts';
import { NetlinkSocket, type NetlinkRequest } from './netlink.ts';
import { type IptablesRunner, type NftRunner, openIptables, openNft } from './nftables.ts';
import {
  decodeAddress,
  decodeLink,
  decodeRoute,
  findLink,
  type Link,
  type LinkAddress,
  listAddresses,
  listLinks,
  listRoutes,
  type Route,
} from './rtnetlink.ts';

/** Links, addresses and routes of one network namespace. Calls are synchronous and throw system errors (`code`). */
export interface RouteSocket {
  /** Does all requests in order, going on after a failure; the first failure is thrown. */
  apply(...requests: readonly NetlinkRequest[]): void;
  /** The same off the calling thread, for what waits long. Nothing else may be asked meanwhile. */
  applyInBackground(...requests: readonly NetlinkRequest[]): Promise<void>;
  findLink(name: string): Link | undefined;
  links(): Link[];
  /** IPv4 addresses. */
  addresses(): LinkAddress[];
  /** IPv4 routes of all tables but the one of the host's own addresses. */
  routes(): Route[];
  close(): void;
}

/** A key below /proc/sys, such as `net/ipv4/ip_forward`, and its value. */
export type Setting = readonly [key: string, value: string];

export interface NetworkKernel {
  /** A socket in the calling thread's namespace. */
  openRoutes(): RouteSocket;
  /**
   * Makes a namespace that is kept at `path`, with these settings, and opens a socket in it. Only in a thread of its own:
   * LostThreadError says that the thread must end.
   */
  createNamespace(path: string, settings: readonly Setting[]): RouteSocket;
  /** Lets go of a namespace; a path that is gone is no error. */
  removeNamespace(path: string): void;
  /** Names of the files in a directory of namespaces, which is made when it is missing. */
  namespaces(dir: string): string[];
  /** Runs `work` with an open descriptor of the namespace at `path`. */
  withNamespace<T>(path: string, work: (descriptor: number) => T): T;
  readSetting(key: string): string;
  writeSetting(setting: Setting): void;
  /** Undefined when nftables is not installed. */
  nft(): NftRunner | undefined;
  /** Undefined when this iptables program is not installed. */
  iptables(name: 'iptables' | 'iptables-nft' | 'iptables-legacy'): IptablesRunner | undefined;
  /** Names of the tables that legacy iptables has in use. */
  legacyTables(): string[];
}

class KernelRoutes implements RouteSocket {
  readonly #socket = new NetlinkSocket();

  apply(...requests: readonly NetlinkRequest[]): void {
    this.#socket.request(...requests);
  }

  async applyInBackground(...requests: readonly NetlinkRequest[]): Promise<void> {
    await this.#socket.requestInBackground(...requests);
  }

  findLink(name: string): Link | undefined {
    try {
      return this.#socket.request(findLink(name)).flat().map(decodeLink).find(isPresent);
    } catch (error) {
      if (hasCode(error, 'ENODEV')) return undefined;
      throw error;
    }
  }

  links(): Link[] {
    return this.#socket.dump(listLinks).map(decodeLink).filter(isPresent);
  }

  addresses(): LinkAddress[] {
    return this.#socket.dump(listAddresses).map(decodeAddress).filter(isPresent);
  }

  routes(): Route[] {
    return this.#socket.dump(listRoutes).map(decodeRoute).filter(isPresent);
  }

  close(): void {
    this.#socket.close();
  }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** Writes a setting, unless the kernel was built without it. */
function writeIfKnown([key, value]: Setting): void {
  try {
    writeFileSync(settingPath(key), value);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

const settingPath = (key: string): string => `/proc/sys/${key}`;
const namespaceDirMode = 0o755;

/** The kernel that the process runs on. */
export const networkKernel: NetworkKernel = {
  openRoutes: () => new KernelRoutes(),
  createNamespace: (path, settings) =>
    createNetworkNamespace(path, () => {
      for (const setting of settings) writeIfKnown(setting);
      return new KernelRoutes();
    }),
  removeNamespace: removeNetworkNamespace,
  namespaces(dir) {
    mkdirSync(dir, { recursive: true, mode: namespaceDirMode });
    return readdirSync(dir);
  },
  withNamespace(path, work) {
    const descriptor = openSync(path, 'r');
    try {
      return work(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },
  readSetting: (key) => readFileSync(settingPath(key), 'utf8').trim(),
  writeSetting: ([key, value]) => writeFileSync(settingPath(key), value),
  nft: () => openNft(),
  iptables: (name) => openIptables(name),
  legacyTables() {
    try {
      return readFileSync('/proc/net/ip_tables_names', 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  },
};
