import { closeSync, statSync } from 'node:fs';

import { messageOf } from '../base/index.ts';
import { parseBinds, type ContainerRecord } from '../containers/index.ts';
import { openProcessRoot, statOf, type RootViewPlan, type ViewBind } from '../linux/index.ts';
import type { ContainerRoot } from '../store/index.ts';

import type { EngineParts } from './parts.ts';

export type RootParts = Pick<
  EngineParts,
  'containers' | 'locks' | 'live' | 'snapshots' | 'dataPaths' | 'execPaths' | 'logger'
>;

/**
 * Runs `work` with a container's root as its processes see it. A running one's stays as it is after the end of the container
 * until `work` has ended; one that does not run is put together for `work`, and cannot be started or removed meanwhile.
 */
export async function withContainerRoot<T>(
  parts: RootParts,
  ref: string,
  work: (root: ContainerRoot, record: ContainerRecord) => Promise<T>,
): Promise<T> {
  const { id } = parts.containers.find(ref);
  const opened = await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    const fd = openRunning(parts, record);
    if (fd !== undefined) return { kind: 'open', fd, record } as const;
    return { kind: 'done', result: await work({ kind: 'view', plan: viewPlan(parts, record) }, record) } as const;
  });
  if (opened.kind === 'done') return opened.result;
  try {
    return await work({ kind: 'open', fd: opened.fd }, opened.record);
  } finally {
    closeSync(opened.fd);
  }
}

/**
 * The root of a running container's init, with all that is mounted in its namespace; undefined when it does not run. The process
 * may be gone and its number taken, and an init may move to another root: what is no snapshot of the container is not used.
 */
function openRunning({ live, execPaths, logger }: RootParts, { id }: ContainerRecord): number | undefined {
  const pid = live.get(id)?.process.pid;
  if (pid === undefined) return undefined;
  try {
    const own = statSync(execPaths.container(id).rootfs, { bigint: true });
    const fd = openProcessRoot(pid);
    const found = statOf(fd);
    if (found.dev === own.dev && found.ino === own.ino) return fd;
    closeSync(fd);
  } catch (error) {
    logger.debug('a running container has no root of its own', { container: id, error: messageOf(error) });
  }
  return undefined;
}

function viewPlan(parts: RootParts, record: ContainerRecord): RootViewPlan {
  const { id, hostConfig } = record;
  const { rootfs } = parts.execPaths.container(id);
  const isMounted = parts.live.get(id) !== undefined;
  return {
    // A second overlay on the same directories would not see what the first one changes.
    root: isMounted ? { type: 'bind', source: rootfs, flags: [], options: [] } : parts.snapshots.mounts(id),
    isReadOnly: hostConfig.ReadonlyRootfs === true,
    binds: viewBinds(parts, record),
    place: parts.execPaths.root,
  };
}

/** Everything of the host that a start would mount into the container, from the shallowest to the deepest. */
function viewBinds({ dataPaths }: RootParts, { id, hostConfig }: ContainerRecord): ViewBind[] {
  const { hosts, hostname, resolvConf } = dataPaths.container(id);
  const isReadOnly = hostConfig.ReadonlyRootfs === true;
  const own = { '/etc/hosts': hosts, '/etc/hostname': hostname, '/etc/resolv.conf': resolvConf };
  const files = Object.entries(own).map(([destination, source]) => ({
    destination,
    source,
    isReadOnly,
    isRecursive: true,
  }));
  const given = parseBinds(hostConfig)
    .filter((bind) => bind.type === 'bind')
    .map((bind) => ({
      destination: bind.destination,
      source: bind.source,
      isReadOnly: bind.readonly,
      isRecursive: !bind.nonRecursive,
    }));
  const byDestination = new Map([...files, ...given].map((bind) => [bind.destination, bind]));
  return [...byDestination.values()].toSorted((a, b) => depth(a.destination) - depth(b.destination));
}

const depth = (path: string): number => path.split('/').length;
