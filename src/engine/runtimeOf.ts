import { GantryError } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import type { OciRuntime } from '../runtime/index.ts';

import type { EngineParts } from './parts.ts';

type Parts = Pick<EngineParts, 'runtimes'>;

/** The runtime that a container was created for; undefined when it has been taken out of the daemon's options meanwhile. */
export function knownRuntimeOf({ runtimes }: Parts, { hostConfig }: ContainerRecord): OciRuntime | undefined {
  return runtimes.get(hostConfig.Runtime ?? '');
}

/** The same; throws `invalid` when there is none. */
export function runtimeOf(parts: Parts, record: ContainerRecord): OciRuntime {
  const runtime = knownRuntimeOf(parts, record);
  if (runtime !== undefined) return runtime;
  throw new GantryError('invalid', `unknown or invalid runtime name: ${record.hostConfig.Runtime ?? ''}`, {
    hint: `Known runtimes: ${[...parts.runtimes.keys()].join(', ')}; add yours with --add-runtime.`,
  });
}

/** Any runtime, for what needs none of its program: taking a process of a container back. */
export function someRuntimeFor(parts: Parts, record: ContainerRecord): OciRuntime {
  const [first] = parts.runtimes.values();
  return knownRuntimeOf(parts, record) ?? first ?? runtimeOf(parts, record);
}
