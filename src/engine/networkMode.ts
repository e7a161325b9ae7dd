import { GantryError } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';

export type NetworkMode = 'bridge' | 'host' | 'none';

/** Where a container's network is; nowhere while it names one that there is not. */
export function networkModeOf(record: ContainerRecord): NetworkMode {
  const mode = askedNetwork(record);
  return mode === 'bridge' || mode === 'host' ? mode : 'none';
}

/** Refuses to start a container whose network there is not. */
export function refuseMissingNetwork(record: ContainerRecord): void {
  const mode = askedNetwork(record);
  if (mode === networkModeOf(record)) return;
  throw new GantryError('notFound', `network ${mode} not found`, {
    hint: 'There are the networks bridge, host and none.',
  });
}

function askedNetwork({ config, hostConfig }: ContainerRecord): string {
  return config.NetworkDisabled === true ? 'none' : (hostConfig.NetworkMode ?? 'bridge');
}
