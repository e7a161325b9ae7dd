import { posix } from 'node:path';

import { GantryError } from '../base/index.ts';

import { effectiveCapabilities } from './capabilities.ts';
import { parseDeviceRules } from './devices.ts';
import { mayLowerOomScore, oomScoreAdjOf, rlimitsOf } from './resources.ts';
import type { HostFacts, HostSettings } from './specInput.ts';

const mostOomScore = 1000;

/**
 * Refuses settings beside the cgroup limits that cannot be right (`invalid`, in Docker's words), and tells what the host will
 * not honour, as warnings.
 */
export function checkSettings(settings: HostSettings, host: HostFacts): string[] {
  refuseTmpfs(settings);
  if ((settings.ShmSize ?? 0) < 0) throw new GantryError('invalid', 'SHM size can not be less than 0');
  refuseOomScore(settings.OomScoreAdj ?? 0);
  effectiveCapabilities(settings, host.capabilities);
  rlimitsOf(settings, host);
  parseDeviceRules(settings);
  return warningsOf(settings, host);
}

function refuseTmpfs({ Tmpfs }: HostSettings): void {
  for (const path of Object.keys(Tmpfs ?? {})) {
    if (!path.startsWith('/')) {
      throw new GantryError('invalid', `invalid mount path: '${path}' mount path must be absolute`);
    }
    if (posix.resolve(path) === '/') {
      throw new GantryError('invalid', `invalid specification: destination can't be '/'`);
    }
  }
}

function refuseOomScore(score: number): void {
  if (Math.abs(score) > mostOomScore) {
    throw new GantryError('invalid', `Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  }
}

function warningsOf(settings: HostSettings, host: HostFacts): string[] {
  const warnings: string[] = [];
  const score = settings.OomScoreAdj ?? 0;
  if (score !== 0 && score < host.oomScoreAdj && !mayLowerOomScore(host)) {
    warnings.push(
      `The daemon has no CAP_SYS_RESOURCE and may not lower the OOM score to ${score}. It is ${oomScoreAdjOf(settings, host)}.`,
    );
  }
  if (settings.CgroupnsMode === 'private' && !host.support.cgroupNamespaces) {
    warnings.push('Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.');
  }
  return warnings;
}
