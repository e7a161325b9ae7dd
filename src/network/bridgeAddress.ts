import { GantryError } from '../base/index.ts';
import { formatAddress, overlaps, type Subnet, subnetOf } from './addressPool.ts';

/** Docker's default address pools for networks of one host: 172.17.0.0/16 to 172.31.0.0/16, then /20s of 192.168.0.0/16. */
const defaultPools: readonly Subnet[] = [
  ...Array.from({ length: 15 }, (_, at) => subnetOf(`172.${17 + at}.0.0/16`)),
  ...Array.from({ length: 16 }, (_, at) => subnetOf(`192.168.${at * 16}.0/20`)),
];

/** A route as short as this is a default route, also in the two halves that VPNs make of it, and says nothing about use. */
const longestDefaultPrefix = 1;

/**
 * The address for a new bridge: the first host of the first default pool that no route of the host (CIDR texts) and no
 * other subnet in `taken` overlaps. Throws GantryError `unavailable` when all are in use.
 */
export function chooseBridgeAddress(taken: readonly string[]): string {
  const used = taken.map(subnetOf).filter((subnet) => subnet.prefixLength > longestDefaultPrefix);
  const free = defaultPools.find((pool) => !used.some((subnet) => overlaps(pool, subnet)));
  if (free === undefined) {
    throw new GantryError(
      'unavailable',
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
      { hint: 'Give the bridge an address with --bip.' },
    );
  }
  return `${formatAddress(free.base + 1)}/${free.prefixLength}`;
}
