import { existsSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';

import type { Logger } from '../base/index.ts';
import { adoptedCompanion, hasArgument } from './companions.ts';
import type { Companion } from './companions.ts';
import { connectTerminal, wrapperMasterDescriptor } from './launch.ts';
import type { LaunchedStreams } from './launch.ts';
import { RunningProcess } from './runningProcess.ts';
import { readExit, readPid } from './stateDir.ts';
import type { StatePaths } from './stateDir.ts';
import { resumeStatus } from './statusPipe.ts';
import type { StatusPipe } from './statusPipe.ts';
import { openInput, openOutput, outputStream, pipeSource, pipeWriter } from './streams.ts';
import type { OutputStream } from './streams.ts';
import type { ProcessStdio, RuntimeProcess } from './types.ts';

/** A stream that has ended before it began. */
function emptyOutput(): OutputStream {
  const readable = Readable.from([]);
  return {
    readable,
    done: new Promise((resolve) => readable.once('close', resolve)),
    endWhenDrained: () => {},
    release: () => {},
  };
}

function reopenOutput(path: string): OutputStream {
  const fd = openOutput(path);
  return outputStream(pipeSource(fd), fd);
}

function adoptedHolder(paths: StatePaths): Companion | undefined {
  const pid = readPid(paths.holder);
  if (pid === undefined) return undefined;
  const target = join(realpathSync(paths.dir), 'stdin');
  return adoptedCompanion(pid, (procDir) => readlinkSync(`${procDir}/fd/1`) === target);
}

/** Opened again only while its holder lives: without one, an earlier daemon has given the process its EOF. */
function reopenStdin(paths: StatePaths): Writable | undefined {
  const holder = adoptedHolder(paths);
  if (holder === undefined) return undefined;
  const writeEnd = openInput(paths.stdin);
  if (writeEnd !== undefined) return pipeWriter(writeEnd, () => holder.end());
  holder.end();
  return undefined;
}

function reopenStreams(paths: StatePaths, stdio: ProcessStdio, master: number | undefined): LaunchedStreams {
  if (!stdio.tty) {
    return {
      stdout: reopenOutput(paths.stdout),
      stderr: reopenOutput(paths.stderr),
      stdin: stdio.stdin ? reopenStdin(paths) : undefined,
    };
  }
  return master === undefined
    ? { stdout: emptyOutput(), stderr: undefined, stdin: undefined }
    : connectTerminal(master, stdio.stdin, paths.log);
}

/** A status that is written down already needs no watching. */
function reopenStatus(paths: StatePaths): StatusPipe {
  const written = readExit(paths.exit);
  return written === undefined ? resumeStatus(paths.status) : { code: Promise.resolve(written.code), close: () => {} };
}

function adoptedWrapper(paths: StatePaths): ReturnType<typeof adoptedCompanion> {
  return adoptedCompanion(readPid(paths.wrapper), (procDir) => hasArgument(procDir, paths.dir));
}

/** Ends the helpers of a process that an earlier daemon started, or was about to start, and that nobody takes back. */
export function discardProcess(paths: StatePaths): void {
  if (!existsSync(paths.dir)) return;
  adoptedWrapper(paths)?.end();
  adoptedHolder(paths)?.end();
}

/**
 * Takes back what an earlier daemon started in this state directory: running, or ended meanwhile with its output unread.
 * Undefined when there is no trace of a start, or the start itself had not come to its end.
 */
export function reattachProcess(paths: StatePaths, stdio: ProcessStdio, logger: Logger): RuntimeProcess | undefined {
  const pid = readPid(paths.pid);
  const wrapper = adoptedWrapper(paths);
  if (pid === undefined || !existsSync(paths.status)) {
    // A start that was refused, or cut short, while no daemon saw it: nothing is left of it but its helpers.
    wrapper?.end();
    adoptedHolder(paths)?.end();
    return undefined;
  }
  const status = reopenStatus(paths);
  const master = stdio.tty ? wrapper?.duplicate(wrapperMasterDescriptor) : undefined;
  const streams = reopenStreams(paths, stdio, master);
  return new RunningProcess({ pid, paths, ...streams, status, wrapper, logger });
}
