import type { ContainerConfig, HostConfig } from '../api/index.ts';
import type { Digest } from '../oci/index.ts';

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'removing';

/** Where a container is in its life. Changed only by the transitions of `state.ts`. Times are RFC 3339 with nanoseconds. */
export interface ContainerState {
  readonly status: ContainerStatus;
  /** Of the container's init in the host's pid namespace; 0 when it does not run. */
  readonly pid: number;
  readonly exitCode: number;
  /** Why the last start was refused, else empty. */
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Somebody stopped it on purpose: restart policies leave it alone. */
  readonly manuallyStopped: boolean;
  /** The daemon itself has paused it, to take its files: it goes on when that is over, or when the daemon starts again. */
  readonly isHeld?: boolean;
}

/** What is durable of a container; everything that inspect shows is derived from it. */
export interface ContainerRecord {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly createdAt: string;
  readonly imageId: Digest;
  /** Chain id of the image's topmost layer; undefined for an image without layers. */
  readonly parentSnapshot: string | undefined;
  /** The client's configuration merged with the image's. */
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  /** The executable and its arguments: entrypoint and command joined. */
  readonly path: string;
  readonly args: readonly string[];
  readonly state: ContainerState;
  readonly restartCount: number;
  /** MAC address that the client asked for. */
  readonly macAddress: string | undefined;
}
