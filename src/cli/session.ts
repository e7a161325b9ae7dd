/** A process's streams at the user's terminal or pipes: copying, raw mode, window size, signals, detaching. */
import { DetachFilter, MultiplexDecoder, parseDetachKeys } from '../base/index.ts';
import type { RawStream, TerminalSize } from '../client/index.ts';
import { forTerminal } from './terminalOutput.ts';
import { write, type Output, type World } from './world.ts';

export interface SessionOptions {
  /** The process has a terminal: its output is one raw stream. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly detachKeys: string;
}

/** How a session ended: the process closed its output, or the user left it running. */
export type SessionEnd = 'ended' | 'detached';

interface Batch {
  readonly output: Output;
  readonly data: Uint8Array[];
}

/** Writes a multiplexed stream's frames to the outputs that they name; neighbours for the same output go as one write. */
export async function copyFrames(world: World, source: AsyncIterable<Buffer>): Promise<void> {
  const decoder = new MultiplexDecoder();
  for await (const chunk of source) {
    const batches: Batch[] = [];
    for (const { stream, data } of decoder.push(chunk)) {
      const output = stream === 'stdout' || stream === 'stdin' ? world.stdout : world.stderr;
      const last = batches.at(-1);
      if (last?.output === output) last.data.push(data);
      else batches.push({ output, data: [data] });
    }
    for (const { output, data } of batches) await write(output, data.length === 1 ? data[0]! : Buffer.concat(data));
  }
  decoder.finish();
}

/** Writes a process's output where it belongs, until it ends. */
export async function copyOutput(world: World, source: AsyncIterable<Buffer>, tty: boolean): Promise<void> {
  if (!tty) return copyFrames(world, source);
  const chunks = world.stdout.isTTY === true ? forTerminal(source) : source;
  for await (const chunk of chunks) await write(world.stdout, chunk);
}

/** Passes input on until it ends; `onDetach` is called when the user types the keys that say so. Returns what stops it. */
function copyInput(world: World, raw: RawStream, options: SessionOptions, onDetach: () => void): () => void {
  const { stdin } = world;
  const filter = options.tty ? new DetachFilter(parseDetachKeys(options.detachKeys)) : undefined;
  const pass = (data: Uint8Array): void => {
    if (data.length > 0 && !raw.input.write(data)) {
      stdin.pause();
      raw.input.once('drain', () => stdin.resume());
    }
  };
  const arrived = (chunk: Buffer): void => {
    const filtered = filter?.push(chunk);
    pass(filtered?.data ?? chunk);
    if (filtered?.detached === true) onDetach();
  };
  const ended = (): void => {
    raw.input.end();
  };
  stdin.on('data', arrived);
  stdin.on('end', ended);
  stdin.on('error', ended);
  return () => {
    stdin.off('data', arrived);
    stdin.off('end', ended);
    stdin.pause();
  };
}

/** Puts the terminal into raw mode; returns what puts it back. */
function rawMode(world: World): () => void {
  const { stdin } = world;
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) return () => {};
  stdin.setRawMode(true);
  return () => stdin.setRawMode?.(false);
}

/** Copies both ways until the process's output ends or the user detaches. The terminal is as before afterwards. */
export async function streamSession(world: World, raw: RawStream, options: SessionOptions): Promise<SessionEnd> {
  const detached = Promise.withResolvers<SessionEnd>();
  const restore = options.tty && options.stdin ? rawMode(world) : () => {};
  const stop = options.stdin ? copyInput(world, raw, options, () => detached.resolve('detached')) : () => {};
  if (!options.stdin) raw.input.end();
  try {
    const ended = copyOutput(world, raw.output, options.tty).then((): SessionEnd => 'ended');
    return await Promise.race([ended, detached.promise]);
  } finally {
    stop();
    restore();
    raw.close();
  }
}

/** The size of the user's terminal; undefined when standard output is none. */
export function terminalSize(world: World): TerminalSize | undefined {
  const { isTTY, rows, columns } = world.stdout;
  return isTTY === true && rows && columns ? { rows, columns } : undefined;
}

/** Keeps the process's terminal as large as the user's, from now on. Returns what stops it. */
export function followSize(world: World, resize: (size: TerminalSize) => Promise<void>): () => void {
  const apply = (): void => {
    const size = terminalSize(world);
    // A process that is gone needs no size; its end is told elsewhere.
    if (size !== undefined) resize(size).catch(() => {});
  };
  apply();
  return world.onSignal('SIGWINCH', apply);
}

const proxied: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGTSTP',
];

/** Termination signals after which the client gives up, whatever the process does. */
const patience = 3;

/** Passes the client's own signals on to the process. Returns what stops it. */
export function proxySignals(world: World, kill: (signal: string) => Promise<void>): () => void {
  let endings = 0;
  const stops = proxied.map((signal) =>
    world.onSignal(signal, () => {
      if (signal === 'SIGINT' || signal === 'SIGTERM') endings++;
      if (endings >= patience) {
        world.stderr.write(`\ngot ${patience} SIGTERM/SIGINTs, forcefully exiting\n`);
        world.forceExit(1);
      }
      // The process may have ended already.
      kill(signal.slice(3)).catch(() => {});
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
