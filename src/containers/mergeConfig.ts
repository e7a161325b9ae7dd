import type { ContainerConfig } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import type { ImageRunConfig } from '../oci/index.ts';

import { mergeHealthConfig } from './health.ts';

const nameOf = (variable: string): string => variable.split('=', 1)[0] ?? variable;

function mergedEnv(own: readonly string[], image: readonly string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...image.filter((variable) => !names.has(nameOf(variable)))];
}

/** The command given in place replaces CMD; an entrypoint given in place drops the image's CMD as well. */
function mergedCommand(own: ContainerConfig, image: ImageRunConfig): Pick<ContainerConfig, 'Entrypoint' | 'Cmd'> {
  const entrypoint = asList(own.Entrypoint);
  const command = asList(own.Cmd);
  if (entrypoint !== undefined && entrypoint.length > 0) {
    // Docker's way to say "no entrypoint" is one empty word.
    const cleared = entrypoint.length === 1 && entrypoint[0] === '';
    return { Entrypoint: cleared ? undefined : [...entrypoint], Cmd: command === undefined ? undefined : [...command] };
  }
  const noCommand = command === undefined || command.length === 0;
  const chosen = noCommand ? image.Cmd : command;
  return {
    // An empty list is an entrypoint, too: none.
    Entrypoint: entrypoint === undefined && image.Entrypoint ? [...image.Entrypoint] : undefined,
    Cmd: chosen ? [...chosen] : undefined,
  };
}

function asList(value: string[] | string | null | undefined): readonly string[] | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' ? [value] : value;
}

/**
 * The client's configuration completed from the image's: what the client left empty is the image's; environment, labels,
 * ports and volumes add up, the client's winning by name.
 */
export function mergeConfig(own: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  return {
    ...own,
    ...mergedCommand(own, image),
    User: own.User || image.User || '',
    WorkingDir: own.WorkingDir || image.WorkingDir || '',
    Env: mergedEnv(own.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...own.Labels },
    StopSignal: own.StopSignal || image.StopSignal || undefined,
    ExposedPorts: mergedKeys(image.ExposedPorts, own.ExposedPorts),
    Volumes: mergedKeys(image.Volumes, own.Volumes),
    Healthcheck: mergeHealthConfig(own.Healthcheck, image.Healthcheck),
    OnBuild: undefined,
  };
}

function mergedKeys(
  image: Readonly<Record<string, unknown>> | null | undefined,
  own: Readonly<Record<string, unknown>> | null | undefined,
): Record<string, Record<string, never>> | undefined {
  const keys = new Set([...Object.keys(image ?? {}), ...Object.keys(own ?? {})]);
  return keys.size === 0 ? undefined : Object.fromEntries([...keys].map((key) => [key, {}]));
}

/** The words that the runtime executes: entrypoint, then command. Throws Docker's `no command specified`. */
export function commandLine(config: ContainerConfig): { readonly path: string; readonly args: readonly string[] } {
  const [path, ...args] = [...(asList(config.Entrypoint) ?? []), ...(asList(config.Cmd) ?? [])];
  if (path === undefined || path === '') {
    throw new GantryError('invalid', 'no command specified', {
      hint: 'The image names no command; give one after the image name.',
    });
  }
  return { path, args };
}
