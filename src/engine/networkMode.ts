import type { ContainerRecord } from '../containers/index.ts';

export type NetworkMode = 'bridge' | 'host' | 'none';

/** Where a container's network is; `create` has refused everything else. */
export function networkModeOf(record: ContainerRecord): NetworkMode {
  if (record.config.NetworkDisabled === true) return 'none';
  return (record.hostConfig.NetworkMode ?? 'bridge') as NetworkMode;
}
