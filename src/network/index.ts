export { openBridgeNetwork } from './bridgeNetwork.ts';
export { checkExtraHosts, hostnameFile, hostsFile, resolvConf } from './containerFiles.ts';
export { networkIds, type NetworkIds } from './networkIds.ts';
export { networkSettings, type NetworkSettingsView } from './settings.ts';
export type { BridgeNetwork, Sandbox } from './types.ts';
