import { GantryError } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import type { OciRuntime } from '../runtime/index.ts';

import type { EngineParts } from './parts.ts';

/** The runtime that a container was created for; it may have been taken out of the daemon's options meanwhile. */
export function runtimeOf({ runtimes }: Pick<EngineParts, 'runtimes'>, record: ContainerRecord): OciRuntime {
  const name = record.hostConfig.Runtime ?? '';
  const runtime = runtimes.get(name);
  if (runtime === undefined) {
    throw new GantryError('invalid', `unknown or invalid runtime name: ${name}`, {
      hint: `Known runtimes: ${[...runtimes.keys()].join(', ')}; add yours with --add-runtime.`,
    });
  }
  return runtime;
}
