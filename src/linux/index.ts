export * from './fake.ts';
export {
  getXattr,
  listXattrs,
  makeNode,
  removeXattr,
  setTimes,
  setTimesOf,
  setXattr,
  syncFileSystem,
  type FilePath,
  type NodeKind,
} from './files.ts';
export * from './relative.ts';
export * from './relativeXattrs.ts';
export * from './libc.ts';
export * from './mount.ts';
export * from './fakeNetwork.ts';
export * from './network.ts';
export { LostThreadError } from './namespace.ts';
export type { NetlinkRequest } from './netlink.ts';
export type { IptablesRunner, NftRunner } from './nftables.ts';
export * from './rtnetlink.ts';
export * from './cgroups.ts';
export { writeCgroup, type CgroupWrite } from './cgroupWrites.ts';
export { readCgroupStats } from './cgroupStats.ts';
export type { CgroupStats, CpuCounters, DeviceCounter, MemoryCounters } from './cgroupStats.ts';
export { readHostCpu, readInterfaceCounters } from './hostCounters.ts';
export type { HostCpu, InterfaceCounters } from './hostCounters.ts';
export * from './fifo.ts';
export * from './oom.ts';
export { adoptOrphans } from './orphans.ts';
export * from './pidfd.ts';
export * from './process.ts';
export * from './pty.ts';
export * from './rootfs.ts';
export * from './rootView.ts';
export * from './seccomp.ts';
export * from './signals.ts';
export * from './ps.ts';
export * from './memory.ts';
export { openUnixDatagrams, unixAddress, type UnixDatagrams } from './unixDatagram.ts';
