import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

import { GantryError } from '../base/index.ts';
import { defaultRegistry } from '../oci/index.ts';

/** A place that serves a registry's content. */
export interface Endpoint {
  /** Without a trailing slash: `https://registry-1.docker.io`, `http://mirror:5000/hub`. */
  readonly base: string;
  /** Certificates are not verified. */
  readonly insecure: boolean;
  /** A mirror never gets the registry's credentials. */
  readonly mirror: boolean;
}

const hubHost = 'registry-1.docker.io';

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Decides where a registry's content is asked for, and how. */
export class Endpoints {
  readonly #mirrors: readonly Endpoint[];
  readonly #names = new Set<string>();
  readonly #ranges = new BlockList();
  #hasRanges = false;
  /** Which scheme a host that may be asked both ways has answered on. */
  readonly #schemes = new Map<string, 'https' | 'http'>();
  readonly #speaksTls: (base: string) => Promise<boolean>;

  /** `speaksTls` finds out whether a host that may be asked both ways answers on https. */
  constructor(
    mirrors: readonly string[],
    insecureRegistries: readonly string[],
    speaksTls: (base: string) => Promise<boolean>,
  ) {
    this.#speaksTls = speaksTls;
    for (const entry of insecureRegistries) this.#allow(entry);
    this.#mirrors = mirrors.map((mirror) => this.#mirror(mirror));
  }

  #allow(entry: string): void {
    const [network = '', prefix] = entry.split('/');
    const family = isIP(network);
    if (prefix === undefined) {
      this.#names.add(entry.toLowerCase());
    } else if (family !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)) {
      this.#ranges.addSubnet(network, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
      this.#hasRanges = true;
    } else {
      throw new GantryError('invalid', `insecure registry ${JSON.stringify(entry)} is no host and no CIDR`);
    }
  }

  #mirror(text: string): Endpoint {
    const url = URL.parse(text);
    const secure = url?.protocol === 'https:';
    if (url === null || (!secure && url.protocol !== 'http:'))
      throw new GantryError('invalid', `invalid mirror: ${JSON.stringify(text)} is no http or https URL`);
    if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
      throw new GantryError('invalid', `invalid mirror: the URL of ${url.host} has a query, a fragment or credentials`);
    return {
      base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
      insecure: this.#names.has(url.host) || this.#names.has(url.hostname) || isLoopback(hostOf(url.host)),
      mirror: true,
    };
  }

  /** Where to ask for content of `registry`, in order. */
  async of(registry: string): Promise<readonly Endpoint[]> {
    if (registry === defaultRegistry)
      return [...this.#mirrors, { base: `https://${hubHost}`, insecure: false, mirror: false }];
    if (!(await this.#isInsecure(registry))) return [{ base: `https://${registry}`, insecure: false, mirror: false }];
    const scheme = this.#schemes.get(registry) ?? (await this.#findScheme(registry));
    return [{ base: `${scheme}://${registry}`, insecure: true, mirror: false }];
  }

  async #findScheme(registry: string): Promise<'https' | 'http'> {
    const scheme = (await this.#speaksTls(`https://${registry}`)) ? 'https' : 'http';
    this.#schemes.set(registry, scheme);
    return scheme;
  }

  /** The host could not be reached as remembered: find its scheme anew next time. */
  forget(registry: string): void {
    this.#schemes.delete(registry);
  }

  async #isInsecure(registry: string): Promise<boolean> {
    const host = hostOf(registry).toLowerCase();
    if (isLoopback(host) || this.#names.has(registry.toLowerCase()) || this.#names.has(host)) return true;
    return this.#hasRanges && (await this.#isInRange(host));
  }

  async #isInRange(host: string): Promise<boolean> {
    const addresses = isIP(host) === 0 ? await lookup(host, { all: true }).catch(() => []) : [{ address: host }];
    return addresses.some(({ address }) => this.#ranges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
  }
}
