/**
 * The layout on disk, in one place. Nothing else joins names to the two roots.
 *
 *     data root (durable; default /var/lib/gantry)
 *     ├── metadata.db                       records: images, containers, snapshots, ... (SQLite, with its -wal)
 *     ├── events.jsonl                      the newest events, one a line
 *     ├── content/
 *     │   ├── blobs/sha256/HEX              whole, verified, immutable
 *     │   └── ingest/HEX                    partial transfers, kept for resuming
 *     ├── snapshots/
 *     │   └── overlay/
 *     │       ├── N/fs                      a snapshot's own files: a lower or the upper directory
 *     │       ├── N/work                    overlayfs's working directory
 *     │       └── trash/                    removed snapshots, waiting to be deleted
 *     ├── spills/                           slow clients' waiting output: files without a name, so it looks empty
 *     └── containers/
 *         └── ID/                           one container
 *             ├── hostname hosts resolv.conf   bound into the container
 *             ├── ID-json.log               with its rotated siblings ID-json.log.1, ...
 *             └── ID-local.log              the same of the driver local, and readers' copy of what other drivers pass on
 *
 *     exec root (lost at a reboot; default /run/gantry)
 *     ├── gantryd.pid
 *     ├── containers/
 *     │   └── ID/                           the process directory of a container's init: FIFOs, pid, exit status, runtime log
 *     │       ├── bundle/config.json        OCI bundle
 *     │       └── rootfs/                   mount point of the container's snapshot
 *     ├── execs/ID/                         process directory of one exec
 *     ├── netns/NAME                        bind mounts that keep network namespaces
 *     └── runtime/                          the OCI runtime's own state (its --root)
 */
import { join } from 'node:path';

import { hexOf, type Digest } from '../oci/index.ts';

export interface ContainerDataPaths {
  readonly dir: string;
  readonly hostname: string;
  readonly hosts: string;
  readonly resolvConf: string;
  readonly log: string;
  readonly localLog: string;
}

export interface ContainerExecPaths {
  readonly dir: string;
  readonly bundle: string;
  readonly config: string;
  readonly rootfs: string;
}

export interface DataPaths {
  readonly root: string;
  readonly metadata: string;
  readonly events: string;
  readonly content: { readonly dir: string; readonly blobs: string; readonly ingests: string };
  blob(digest: Digest): string;
  ingest(digest: Digest): string;
  /** A snapshotter's own directory. */
  snapshots(snapshotter: string): string;
  readonly spills: string;
  readonly containers: string;
  container(id: string): ContainerDataPaths;
}

export interface ExecPaths {
  readonly root: string;
  readonly pidfile: string;
  readonly containers: string;
  container(id: string): ContainerExecPaths;
  readonly execs: string;
  exec(id: string): string;
  readonly netns: string;
  readonly runtime: string;
}

/** Names under the data root; `root` is absolute. Pure. */
export function dataPaths(root: string): DataPaths {
  const at = (...names: string[]): string => join(root, ...names);
  return {
    root,
    metadata: at('metadata.db'),
    events: at('events.jsonl'),
    content: { dir: at('content'), blobs: at('content', 'blobs', 'sha256'), ingests: at('content', 'ingest') },
    blob: (digest) => at('content', 'blobs', 'sha256', hexOf(digest)),
    ingest: (digest) => at('content', 'ingest', hexOf(digest)),
    snapshots: (snapshotter) => at('snapshots', snapshotter),
    spills: at('spills'),
    containers: at('containers'),
    container: (id) => containerDataPaths(at('containers', id), id),
  };
}

function containerDataPaths(dir: string, id: string): ContainerDataPaths {
  return {
    dir,
    hostname: join(dir, 'hostname'),
    hosts: join(dir, 'hosts'),
    resolvConf: join(dir, 'resolv.conf'),
    log: join(dir, `${id}-json.log`),
    localLog: join(dir, `${id}-local.log`),
  };
}

/** Names under the exec root; `root` is absolute. Pure. */
export function execPaths(root: string): ExecPaths {
  const at = (...names: string[]): string => join(root, ...names);
  return {
    root,
    pidfile: at('gantryd.pid'),
    containers: at('containers'),
    container: (id) => containerExecPaths(at('containers', id)),
    execs: at('execs'),
    exec: (id) => at('execs', id),
    netns: at('netns'),
    runtime: at('runtime'),
  };
}

function containerExecPaths(dir: string): ContainerExecPaths {
  const bundle = join(dir, 'bundle');
  return { dir, bundle, config: join(bundle, 'config.json'), rootfs: join(dir, 'rootfs') };
}
