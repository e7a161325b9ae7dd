import type { ResourceSupport } from './resourceSupport.ts';

/** A kernel that keeps every limit, on two CPUs and one memory node. */
export const everyLimit: ResourceSupport = {
  memory: true,
  swap: true,
  memoryReservation: true,
  memorySwappiness: true,
  oomKillDisable: true,
  cpuShares: true,
  cpuQuota: true,
  cpuRealtime: true,
  cpuset: true,
  cpus: '0-1',
  memoryNodes: '0',
  pids: true,
  blockIoWeight: true,
  blockIoWeightDevice: true,
  readBps: true,
  writeBps: true,
  readIops: true,
  writeIops: true,
  cgroupNamespaces: true,
};
