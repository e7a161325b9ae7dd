import type { Readable, Writable } from 'node:stream';

import type { Logger } from '../base/index.ts';
import { openProcess, resizeTerminal } from '../linux/index.ts';
import type { ProcessHandle, TerminalSize } from '../linux/index.ts';
import type { Companion } from './companions.ts';
import type { StatePaths } from './stateDir.ts';
import { readExit } from './stateDir.ts';
import type { StatusPipe } from './statusPipe.ts';
import { closeAll } from './streams.ts';
import type { OutputStream } from './streams.ts';
import type { ProcessExit, RuntimeProcess } from './types.ts';

/** What a process is made of, once it runs. */
export interface ProcessParts {
  readonly pid: number;
  readonly paths: StatePaths;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream | undefined;
  readonly stdin: Writable | undefined;
  /** Tells the OCI runtime's own terminal its size. */
  readonly resize?: (size: TerminalSize) => void;
  readonly status: StatusPipe;
  readonly wrapper: Companion | undefined;
  readonly logger: Logger;
}

/** Recorded when the wrapper was killed and nobody saw the status: the process can only have been killed as well. */
const unknownExitCode = 137;
const livenessCheckMs = 1000;

/** A process in hand, from its start (or reattachment) to its end. */
export class RunningProcess implements RuntimeProcess {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly stdin: Writable | undefined;
  readonly ended: Promise<void>;
  readonly exit: Promise<ProcessExit>;
  readonly #handle: ProcessHandle | undefined;
  readonly #outputs: readonly OutputStream[];
  #released = false;
  readonly #resizeOuter: ((size: TerminalSize) => void) | undefined;

  constructor(parts: ProcessParts) {
    this.pid = parts.pid;
    this.stdout = parts.stdout.readable;
    this.stderr = parts.stderr?.readable;
    this.stdin = parts.stdin;
    this.#outputs = parts.stderr === undefined ? [parts.stdout] : [parts.stdout, parts.stderr];
    this.#handle = openProcess(parts.pid);
    this.#resizeOuter = parts.resize;
    const code = this.#exitCode(parts);
    this.ended = code.then(() => {});
    this.exit = this.#followToEnd(parts, code);
  }

  signal(signal: number): boolean {
    return this.#handle?.signal(signal) ?? false;
  }

  /**
   * A TTY is two terminals, ours that the OCI runtime runs in and the container's that it makes. Some runtimes carry the
   * size over from one to the other, at a time of their own: with both set it does not matter when.
   */
  resize(size: TerminalSize): void {
    this.#resizeOuter?.(size);
    for (const descriptor of [0, 1, 2]) {
      if (this.#resizeThrough(descriptor, size)) return;
    }
  }

  release(): void {
    this.#released = true;
    for (const stream of this.#outputs) stream.release();
  }

  /**
   * The process's own descriptor is duplicated, not opened anew through /proc: what the container put there must not be
   * opened with the daemon's rights.
   */
  #resizeThrough(descriptor: number, size: TerminalSize): boolean {
    try {
      const fd = this.#handle?.duplicate(descriptor);
      if (fd === undefined) return true;
      return resizeAndClose(fd, size);
    } catch {
      // Closed, no terminal, or the process has just ended: another descriptor may do, and else there is nothing to resize.
      return false;
    }
  }

  async #followToEnd(parts: ProcessParts, exitCode: Promise<number>): Promise<ProcessExit> {
    const { paths, stdout, stderr, stdin, status, wrapper } = parts;
    const code = await exitCode;
    const finishedAt = readExit(paths.exit)?.finishedAt ?? new Date();
    stdin?.destroy();
    stdout.endWhenDrained();
    stderr?.endWhenDrained();
    await Promise.all([stdout.done, stderr?.done]);
    // Its end, and output that is still in the kernel, are for the daemon that comes after us.
    if (this.#released) return new Promise(() => {});
    // Only now: until its output is read, the wrapper keeps it in the kernel for a daemon that comes after us.
    wrapper?.end();
    status.close();
    this.#handle?.close();
    return { code, finishedAt };
  }

  async #exitCode(parts: ProcessParts): Promise<number> {
    return (await parts.status.code) ?? this.#codeWithoutWrapper(parts);
  }

  async #codeWithoutWrapper({ paths, logger, pid }: ProcessParts): Promise<number> {
    while (this.#handle !== undefined && !this.#handle.hasEnded()) {
      await new Promise((resolve) => setTimeout(resolve, livenessCheckMs));
    }
    const written = readExit(paths.exit);
    if (written !== undefined) return written.code;
    logger.warn('the exit status of a process is lost: its wrapper was killed', { pid, stateDir: paths.dir });
    return unknownExitCode;
  }
}

function resizeAndClose(fd: number, size: TerminalSize): boolean {
  try {
    resizeTerminal(fd, size);
    return true;
  } finally {
    closeAll([fd]);
  }
}
