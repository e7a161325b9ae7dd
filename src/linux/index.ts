export * from './fake.ts';
export * from './libc.ts';
export * from './mount.ts';
export * from './fakeNetwork.ts';
export * from './network.ts';
export type { NetlinkRequest } from './netlink.ts';
export type { IptablesRunner, NftRunner } from './nftables.ts';
export * from './rtnetlink.ts';
