/**
 * The OCI runtime (crun, runc or another with the same command line), and the processes that it runs without a shim: see
 * docs/architecture.md, "A container without a shim". `stateDir` is a directory of the exec root that one process (a
 * container's init or an exec) has to itself: FIFOs, pid, exit status, runtime log. All paths are absolute.
 */
import type { Readable, Writable } from 'node:stream';

import type { OciProcess } from './ociSpec.ts';

export interface ProcessStdio {
  /** stdin is kept open for clients (else it is /dev/null). */
  readonly stdin: boolean;
  readonly tty: boolean;
  /** First size of the terminal. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  /** Numeric owner of the FIFOs or the terminal: the process's user, so that it can reopen /dev/stdout. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

export interface RunRequest {
  /** Runtime-level id. */
  readonly id: string;
  readonly bundleDir: string;
  readonly stateDir: string;
  readonly stdio: ProcessStdio;
}

export interface ExecRequest {
  readonly containerId: string;
  readonly stateDir: string;
  readonly stdio: ProcessStdio;
  /** OCI runtime spec, config.md "process". */
  readonly process: OciProcess;
}

/** A process (container init or exec) that is running or has just ended. */
export interface RuntimeProcess {
  /** In the host's pid namespace. */
  readonly pid: number;
  /** Resolves when the process has ended, though its output may not have been read; never when the daemon ends first. */
  readonly ended: Promise<void>;
  /** Resolves when the process has ended and its output has been read to the end from the kernel (`stdout`/`stderr` ended). */
  readonly exit: Promise<ProcessExit>;
  /** Container's output as it comes; `stderr` is absent with a TTY. Both must be consumed. */
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  /** Absent without stdin. `end()` gives the process EOF (with a TTY: no effect but on this writer). */
  readonly stdin: Writable | undefined;
  /** Sends a signal, race-free against pid reuse; false when the process has gone. */
  signal(signal: number): boolean;
  resize(size: { readonly height: number; readonly width: number }): void;
  /** Lets go of the process's output because this daemon ends: its streams end after what has been read, it goes on. */
  release(): void;
}

export interface ProcessExit {
  /** Exit status, or 128 + signal. */
  readonly code: number;
  readonly finishedAt: Date;
}

export interface OciRuntime {
  /** As configured: `crun`, `runc`, ... */
  readonly name: string;
  readonly path: string;
  /** Starts a container; resolves when its init runs. A refusal (missing executable, bad mount) throws `StartRefusal`. */
  run(request: RunRequest): Promise<RuntimeProcess>;
  exec(request: ExecRequest): Promise<RuntimeProcess>;
  /** Takes a process that an earlier daemon started back in hand; undefined when it left no trace (a crash of the host). */
  reattach(stateDir: string, stdio: ProcessStdio): Promise<RuntimeProcess | undefined>;
  /** Ends the helpers that an earlier daemon left in a state directory from which nothing is taken back. */
  discard(stateDir: string): void;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** Removes what the runtime keeps of a container that is gone or must go (`delete --force`); unknown ids are no error. */
  delete(id: string): Promise<void>;
  version(): Promise<string>;
}
