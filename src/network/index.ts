export { addressPool, type AddressPool } from './addressPool.ts';
export type { BridgeRequest } from './bridge.ts';
export { chooseBridgeAddress } from './bridgeAddress.ts';
export { type BridgeNetworkConfig, openBridgeNetwork } from './bridgeNetwork.ts';
export { hostnameFile, hostsFile, type HostsOptions, resolvConf, type ResolvConfOptions } from './containerFiles.ts';
export { networkIds, type NetworkIds } from './networkIds.ts';
export * from './settings.ts';
export * from './types.ts';
