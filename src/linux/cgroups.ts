/** Control groups, as far as a daemon needs them beside the OCI runtime (cgroups(7)). */
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { hasCode } from '../base/index.ts';
import { openProcess } from './pidfd.ts';

export interface CgroupLayout {
  /** `hybrid`: v1 controllers with a v2 tree beside them. */
  readonly mode: 'v1' | 'v2' | 'hybrid';
  /** Where controllers are to be found: 2 only in mode `v2`. */
  readonly version: 1 | 2;
  /** v1: mount point of each controller (`memory`) and named tree (`name=systemd`). */
  readonly hierarchies: ReadonlyMap<string, string>;
  /** Mount point of the v2 tree. */
  readonly unified: string | undefined;
  /** Controllers that the v2 tree still offers in mode `hybrid`, which makes crun refuse to run. */
  readonly leftover: readonly string[];
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

const controllerOptions = new Set(['rw', 'ro', 'none', 'xattr', 'clone_children', 'noprefix']);

/**
 * Reads the layout out of the text of a /proc/PID/mountinfo (proc(5)). `readControllers` gives the text of the v2 tree's
 * cgroup.controllers, and is asked only where there is one.
 */
export function parseCgroupLayout(mountinfo: string, readControllers: (unified: string) => string): CgroupLayout {
  const hierarchies = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const mountPoint = unescape(left.split(' ')[4] ?? '');
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2') unified ??= mountPoint;
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) {
      if (!controllerOptions.has(option) && !option.startsWith('release_agent=') && !hierarchies.has(option)) {
        hierarchies.set(option, mountPoint);
      }
    }
  }
  const mode = hierarchies.size === 0 ? 'v2' : unified === undefined ? 'v1' : 'hybrid';
  const leftover = mode === 'hybrid' && unified !== undefined ? words(readControllers(unified)) : [];
  return { mode, version: mode === 'v2' ? 2 : 1, hierarchies, unified, leftover };
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** The layout of this host. */
export function readCgroupLayout(): CgroupLayout {
  return parseCgroupLayout(readFileSync('/proc/self/mountinfo', 'utf8'), (unified) =>
    readFileSync(join(unified, 'cgroup.controllers'), 'utf8'),
  );
}

/** The directories of cgroup `path` (`/gantry/ID`) in all trees. */
export function cgroupDirs(layout: CgroupLayout, path: string): string[] {
  const roots = new Set([...layout.hierarchies.values(), ...(layout.unified === undefined ? [] : [layout.unified])]);
  return [...roots].map((root) => join(root, path));
}

/** One directory of cgroup `path` in which every process of a container is found. */
function processDir(layout: CgroupLayout, path: string): string {
  const { hierarchies, unified = '/sys/fs/cgroup' } = layout;
  const root = hierarchies.get('pids') ?? hierarchies.get('memory') ?? hierarchies.get('devices') ?? unified;
  return join(root, path);
}

const gone = ['ENOENT', 'ENODEV', 'ENOTDIR'];

function quietly<T>(codes: readonly string[], fallback: T, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (codes.some((code) => hasCode(error, code))) return fallback;
    throw error;
  }
}

function childDirs(dir: string): string[] {
  return quietly(gone, [], () => readdirSync(dir, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(dir, entry.name));
}

function pidsBelow(dir: string): number[] {
  // A threaded v2 cgroup has no list of processes of its own (EOPNOTSUPP): its domain above it has.
  const text = quietly([...gone, 'EOPNOTSUPP'], '', () => readFileSync(join(dir, 'cgroup.procs'), 'utf8'));
  return [...words(text).map(Number), ...childDirs(dir).flatMap(pidsBelow)];
}

/** Pids (in the host's namespace) of the processes in cgroup `path` and below, ascending; none when it is gone. */
export function cgroupPids(layout: CgroupLayout, path: string): number[] {
  return pidsBelow(processDir(layout, path)).sort((a, b) => a - b);
}

const sigkill = 9;

/** Kills every process in cgroup `path` and below, frozen ones too; their end is not waited for. */
export function killCgroup(layout: CgroupLayout, path: string): void {
  for (const pid of cgroupPids(layout, path)) {
    const process = openProcess(pid);
    process?.signal(sigkill);
    process?.close();
  }
  thawCgroup(layout, path);
}

/** Whether the processes of cgroup `path` are frozen (v1: freezer.state; v2: cgroup.events); undefined when it is gone. */
export function isFrozen(layout: CgroupLayout, path: string): boolean | undefined {
  const freezer = layout.hierarchies.get('freezer');
  const file =
    freezer === undefined
      ? join(layout.unified ?? '/sys/fs/cgroup', path, 'cgroup.events')
      : join(freezer, path, 'freezer.state');
  const text = quietly<string | undefined>(gone, undefined, () => readFileSync(file, 'utf8'));
  return text === undefined ? undefined : /^(FROZEN|FREEZING|frozen 1)$/m.test(text);
}

/** Lets the processes of cgroup `path` go on after a freeze. One that is gone is no error. */
export function thawCgroup(layout: CgroupLayout, path: string): void {
  const freezer = layout.hierarchies.get('freezer');
  quietly(gone, undefined, () =>
    freezer === undefined
      ? writeFileSync(join(layout.unified ?? '/sys/fs/cgroup', path, 'cgroup.freeze'), '0')
      : writeFileSync(join(freezer, path, 'freezer.state'), 'THAWED'),
  );
}

/** Takes an empty cgroup and what is below it away in all trees. One that is gone is no error, one in use is left. */
export function removeCgroup(layout: CgroupLayout, path: string): void {
  for (const dir of cgroupDirs(layout, path)) removeTree(dir);
}

function removeTree(dir: string): void {
  for (const child of childDirs(dir)) removeTree(child);
  quietly([...gone, 'EBUSY', 'ENOTEMPTY'], undefined, () => rmdirSync(dir));
}

/** How many processes of cgroup `path` the kernel has killed for want of memory; undefined when the cgroup is gone. */
export function oomKills(layout: CgroupLayout, path: string): number | undefined {
  const memory = layout.hierarchies.get('memory');
  const file =
    memory === undefined
      ? join(layout.unified ?? '/sys/fs/cgroup', path, 'memory.events')
      : join(memory, path, 'memory.oom_control');
  const text = quietly<string | undefined>(gone, undefined, () => readFileSync(file, 'utf8'));
  return text === undefined ? undefined : Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}
