import ipaddr from 'ipaddr.js';

import { GantryError } from '../base/index.ts';

/** The free and taken IPv4 addresses of one subnet. Addresses are dotted text; all calls are synchronous and pure but for the pool itself. */
export interface AddressPool {
  /** Takes the lowest free address; undefined when none is left. */
  allocate(): string | undefined;
  /** Takes this address; false when it is taken, or no host address of the subnet. */
  reserve(address: string): boolean;
  /** Gives an address back. What is not taken is no error; network, broadcast and reserved addresses are never given. */
  release(address: string): void;
}

/** A subnet as numbers: `base` is its network address. */
export interface Subnet {
  readonly base: number;
  readonly prefixLength: number;
}

const firstWordCount = 8;

/** 32 bits of dotted text, as an unsigned number. Throws GantryError `invalid`. */
export function parseAddress(text: string): number {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) throw new GantryError('invalid', `invalid IPv4 address: "${text}"`);
  return ipaddr.IPv4.parse(text)
    .toByteArray()
    .reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Dotted text of 32 bits. */
export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** Address and prefix of CIDR text, such as 172.17.0.1/16; the address keeps its host bits. Throws GantryError `invalid`. */
export function parseCidr(text: string): { readonly address: number; readonly prefixLength: number } {
  const [, address, prefix] = /^([0-9.]+)\/(\d{1,2})$/.exec(text) ?? [];
  if (address === undefined || Number(prefix) > 32) throw new GantryError('invalid', `invalid CIDR address: "${text}"`);
  return { address: parseAddress(address), prefixLength: Number(prefix) };
}

/** The subnet that a CIDR text (with or without host bits) lies in. */
export function subnetOf(text: string): Subnet {
  const { address, prefixLength } = parseCidr(text);
  return { base: address - (address % 2 ** (32 - prefixLength)), prefixLength };
}

/** Whether two subnets share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  const size = 2 ** (32 - Math.min(one.prefixLength, other.prefixLength));
  return one.base - (one.base % size) === other.base - (other.base % size);
}

/** CIDR text of a subnet. */
export const formatSubnet = ({ base, prefixLength }: Subnet): string => `${formatAddress(base)}/${prefixLength}`;

/**
 * A pool of the host addresses of `cidr`, without `reserved` (the gateway, and what else must never be handed out). The
 * bitmap grows with use, so that a large subnet costs nothing. Throws GantryError `invalid` for a subnet without hosts.
 */
export function addressPool(cidr: string, reserved: readonly string[] = []): AddressPool {
  const { base, prefixLength } = subnetOf(cidr);
  if (prefixLength > 30 || prefixLength < 1)
    throw new GantryError('invalid', `the subnet ${cidr} has no room for hosts`);
  const last = 2 ** (32 - prefixLength) - 2;
  const never = new Set(reserved.map((address) => parseAddress(address) - base));
  let words = new Uint32Array(firstWordCount);
  let lowestMaybeFree = 1;

  const isTaken = (offset: number): boolean => ((words[offset >>> 5] ?? 0) & (1 << (offset & 31))) !== 0;
  const isHost = (offset: number): boolean => offset >= 1 && offset <= last;
  const take = (offset: number): void => {
    const word = offset >>> 5;
    if (word >= words.length) words = grown(words, word + 1);
    words[word] = (words[word] ?? 0) | (1 << (offset & 31));
  };
  for (const offset of never) if (isHost(offset)) take(offset);

  return {
    allocate() {
      let offset = lowestMaybeFree;
      while (offset <= last && isTaken(offset)) offset += 1;
      lowestMaybeFree = offset;
      if (offset > last) return undefined;
      take(offset);
      lowestMaybeFree = offset + 1;
      return formatAddress(base + offset);
    },
    reserve(address) {
      const offset = parseAddress(address) - base;
      if (!isHost(offset) || isTaken(offset)) return false;
      take(offset);
      return true;
    },
    release(address) {
      const offset = parseAddress(address) - base;
      if (!isHost(offset) || never.has(offset) || !isTaken(offset)) return;
      words[offset >>> 5] = (words[offset >>> 5] ?? 0) & ~(1 << (offset & 31));
      lowestMaybeFree = Math.min(lowestMaybeFree, offset);
    },
  };
}

function grown(words: Uint32Array<ArrayBuffer>, leastCount: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(leastCount, words.length * 2));
  larger.set(words);
  return larger;
}
