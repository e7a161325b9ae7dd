import { constants, openSync } from 'node:fs';
import type { Writable } from 'node:stream';

import { growPipe, makeFifo, openTerminal, resizeTerminal, spawnProcess } from '../linux/index.ts';
import type { TerminalSize } from '../linux/index.ts';
import { ownCompanion } from './companions.ts';
import type { Companion, OwnCompanion } from './companions.ts';
import type { StatePaths } from './stateDir.ts';
import { watchStatus } from './statusPipe.ts';
import type { StatusPipe } from './statusPipe.ts';
import {
  closeAll,
  openInput,
  openOutput,
  outputStream,
  pipeSource,
  pipeWriter,
  terminalSource,
  terminalWriter,
} from './streams.ts';
import type { OutputStream } from './streams.ts';
import { terminalTail } from './terminalTail.ts';
import type { ProcessStdio } from './types.ts';

/**
 * The wrapper: runs the OCI runtime in the foreground, writes its exit status into the file `exit` and the FIFO `status`,
 * and then stops itself, since the descriptors that it holds keep unread output in the kernel until a daemon has read it
 * and ends the wrapper. $1 is the state directory, the rest the runtime's command line. Descriptors: 0, 1, 2 are the
 * process's; 3 is `status`; 4 and 5 are the read ends of its output, or 4 the terminal's master end. The runtime gets the
 * first three only; in a subshell, since a shell that redirects for one command moves its own descriptors meanwhile.
 */
const wrapperScript = [
  'dir=$1; shift; echo $$ >"$dir/wrapper"',
  '(exec 3>&- 4>&- 5>&-; exec "$@")',
  'code=$?',
  'exec </dev/null >/dev/null 2>&1',
  'echo $code >"$dir/exit"',
  'echo $code >&3',
  'kill -STOP $$',
].join('\n');

/** Descriptor of a terminal's master end in the wrapper. */
export const wrapperMasterDescriptor = 4;

/** Nothing of the daemon's environment reaches the runtime. */
export const runtimeEnv = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

const pipeBytes = 1024 * 1024;

/** A process's ends of its streams, and ours. */
interface Stdio {
  /** For the wrapper, by number. */
  readonly descriptors: readonly number[];
  /** Those of `descriptors` that stay open here as well, for `connect`. */
  readonly kept: readonly number[];
  connect(): LaunchedStreams;
}

/** Every descriptor that a launch opens, so that none stays open by mistake. */
class Opened {
  readonly #descriptors: number[] = [];

  add(descriptor: number): number {
    this.#descriptors.push(descriptor);
    return descriptor;
  }

  /** Closes all but `kept`. */
  close(kept: readonly number[] = []): void {
    closeAll(this.#descriptors.splice(0).filter((descriptor) => !kept.includes(descriptor)));
  }
}

export type LaunchedStreams = Pick<Launched, 'stdout' | 'stderr' | 'stdin' | 'resize'>;

export interface Launched {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream | undefined;
  readonly stdin: Writable | undefined;
  /** Tells the OCI runtime's own terminal its size. */
  readonly resize?: (size: TerminalSize) => void;
  readonly status: StatusPipe;
  readonly wrapper: OwnCompanion;
}

/**
 * Starts `command` (the OCI runtime's command line) in a wrapper, with the process's streams made in the state directory.
 * The directory exists and is clear. Throws the system error, and then leaves no process and no descriptor behind.
 */
export function launch(paths: StatePaths, stdio: ProcessStdio, command: readonly string[]): Launched {
  makeFifo(paths.status, { uid: 0, gid: 0 });
  const status = watchStatus(paths.status);
  const opened = new Opened();
  let wrapper: OwnCompanion | undefined;
  try {
    const statusEnd = opened.add(openSync(paths.status, constants.O_RDWR));
    const streams = stdio.tty ? openTerminalStdio(paths, stdio, opened) : openPipeStdio(paths, stdio, opened);
    const [stdin = 0, stdout = 0, stderr = 0, ...held] = streams.descriptors;
    const pid = spawnProcess({
      path: '/bin/sh',
      argv: ['sh', '-c', wrapperScript, 'sh', paths.dir, ...command],
      env: runtimeEnv,
      descriptors: [stdin, stdout, stderr, statusEnd, ...held],
    });
    wrapper = ownCompanion(pid);
    const connected = streams.connect();
    opened.close(streams.kept);
    return { ...connected, status, wrapper };
  } catch (error) {
    wrapper?.end();
    status.close();
    opened.close();
    throw error;
  }
}

function openPipeStdio(paths: StatePaths, stdio: ProcessStdio, opened: Opened): Stdio {
  const out = openPipe(paths.stdout, stdio, opened);
  const err = openPipe(paths.stderr, stdio, opened);
  const input = stdio.stdin ? openStdin(paths, stdio, opened) : undefined;
  const stdin = input?.readEnd ?? opened.add(openSync('/dev/null', 'r'));
  return {
    descriptors: [stdin, out.writeEnd, err.writeEnd, out.readEnd, err.readEnd],
    kept: [out.readEnd, err.readEnd],
    connect: () => ({
      stdout: outputStream(pipeSource(out.readEnd), out.readEnd),
      stderr: outputStream(pipeSource(err.readEnd), err.readEnd),
      stdin: input?.connect(),
    }),
  };
}

/**
 * The process's end is opened for reading too: then it meets neither EOF nor EPIPE, whoever else goes.
 */
function openPipe(
  path: string,
  { owner }: ProcessStdio,
  opened: Opened,
): { readonly readEnd: number; readonly writeEnd: number } {
  makeFifo(path, owner);
  const readEnd = opened.add(openOutput(path));
  const writeEnd = opened.add(openSync(path, constants.O_RDWR));
  growPipe(readEnd, pipeBytes);
  return { readEnd, writeEnd };
}

/** stdin's end for the process, and ours, beside which a holder keeps it open when this daemon ends. */
function openStdin(paths: StatePaths, { owner }: ProcessStdio, opened: Opened) {
  makeFifo(paths.stdin, owner);
  const both = opened.add(openSync(paths.stdin, constants.O_RDWR));
  const readEnd = opened.add(openSync(paths.stdin, constants.O_RDONLY));
  return {
    readEnd,
    connect: (): Writable | undefined => {
      const holder = startHolder(both, paths.holder);
      const writeEnd = openInput(paths.stdin);
      return writeEnd === undefined ? undefined : pipeWriter(writeEnd, () => holder.end());
    },
  };
}

/**
 * The holder sleeps for ever with a write end of stdin open, so that only its end, and ours, are the process's EOF. Like the
 * wrapper it writes its pid down itself: whenever this daemon dies, the next one finds it.
 */
function startHolder(writeEnd: number, pidPath: string): Companion {
  const none = openSync('/dev/null', 'r+');
  try {
    const descriptors = [none, writeEnd, none];
    const argv = ['sh', '-c', 'echo $$ >"$1"; exec sleep infinity', 'sh', pidPath];
    const pid = spawnProcess({ path: '/bin/sh', argv, env: runtimeEnv, descriptors });
    return ownCompanion(pid);
  } finally {
    closeAll([none]);
  }
}

function openTerminalStdio(paths: StatePaths, { stdin, consoleSize }: ProcessStdio, opened: Opened): Stdio {
  const { master, slave } = openTerminal();
  opened.add(master);
  opened.add(slave);
  if (consoleSize !== undefined) resizeTerminal(master, consoleSize);
  return {
    descriptors: [slave, slave, slave, master],
    kept: [master],
    connect: () => connectTerminal(master, stdin, paths.log),
  };
}

/** Streams over a terminal's master end, which they close. */
export function connectTerminal(master: number, stdin: boolean, logPath: string): LaunchedStreams {
  const source = terminalSource(master);
  return {
    stdout: outputStream(source, master, () => terminalTail(logPath)),
    stderr: undefined,
    stdin: stdin ? terminalWriter(source) : undefined,
    resize: (size) => {
      if (!source.destroyed) resizeTerminal(master, size);
    },
  };
}
