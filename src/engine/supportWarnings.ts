import type { HostFacts } from '../runtime/index.ts';

/** What Docker warns of in `info` when the host cannot keep a limit, in its words and order. */
export function supportWarnings(
  { support, cgroupVersion }: Pick<HostFacts, 'support' | 'cgroupVersion'>,
  forwardsIpv4: boolean,
): string[] {
  const isUnified = cgroupVersion === 2;
  const throttle = (v1: string, v2: string): string =>
    isUnified ? `No io.max (${v2}) support` : `No blkio throttle.${v1}_device support`;
  const lacking: readonly [isThere: boolean, warning: string][] = [
    [support.memory, 'No memory limit support'],
    [support.swap, 'No swap limit support'],
    // Only v1 has it, and weights only v2 since Linux 5.0: nobody can do anything about that.
    [support.oomKillDisable || isUnified, 'No oom kill disable support'],
    [support.cpuQuota, 'No cpu cfs quota support'],
    [support.cpuQuota, 'No cpu cfs period support'],
    [support.cpuShares, 'No cpu shares support'],
    [support.cpuset, 'No cpuset support'],
    [support.blockIoWeight || !isUnified, 'No blkio weight support'],
    [support.blockIoWeightDevice || !isUnified, 'No blkio weight_device support'],
    [support.readBps, throttle('read_bps', 'rbps')],
    [support.writeBps, throttle('write_bps', 'wbps')],
    [support.readIops, throttle('read_iops', 'riops')],
    [support.writeIops, throttle('write_iops', 'wiops')],
    [forwardsIpv4, 'IPv4 forwarding is disabled'],
  ];
  return lacking.filter(([isThere]) => !isThere).map(([, warning]) => `WARNING: ${warning}`);
}
