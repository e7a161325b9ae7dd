import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

import type { CgroupLayout } from '../linux/index.ts';
import { capabilitiesOf } from './capabilities.ts';
import { findDevices } from './hostDevices.ts';
import { readResourceSupport } from './resourceSupport.ts';
import type { HostFacts } from './specInput.ts';

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** Docker's name (GOARCH) of the architecture that this process runs on. */
export const architectureName = (): string => architectures[process.arch] ?? process.arch;

/** Names of /proc/PID/limits as setrlimit(2) has them. */
const limitNames: Readonly<Record<string, string>> = {
  'Max cpu time': 'cpu',
  'Max file size': 'fsize',
  'Max data size': 'data',
  'Max stack size': 'stack',
  'Max core file size': 'core',
  'Max resident set': 'rss',
  'Max processes': 'nproc',
  'Max open files': 'nofile',
  'Max locked memory': 'memlock',
  'Max file locks': 'locks',
  'Max pending signals': 'sigpending',
  'Max msgqueue size': 'msgqueue',
  'Max nice priority': 'nice',
  'Max realtime priority': 'rtprio',
  'Max realtime timeout': 'rttime',
};

/** Hard limits in the text of a /proc/PID/limits, by name in lower case; `unlimited` is Infinity. */
export function parseHardLimits(text: string): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const name = limitNames[line.slice(0, 26).trim()];
    const hard = line.slice(26).trim().split(/\s+/)[1];
    if (name !== undefined && hard !== undefined) limits[name] = hard === 'unlimited' ? Infinity : Number(hard);
  }
  return limits;
}

const statusField = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';

/** Reads what the kernel allows this process to give to containers. The values do not change while the daemon runs. */
export function readHostFacts(cgroups: CgroupLayout): HostFacts {
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    architecture: architectureName(),
    cgroupVersion: cgroups.version,
    support: readResourceSupport(cgroups),
    cpuCount: availableParallelism(),
    capabilities: capabilitiesOf(statusField(status, 'CapBnd')),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    hardLimits: parseHardLimits(readFileSync('/proc/self/limits', 'utf8')),
    devicesAt: (path) => findDevices(path),
  };
}
