/** All that a command touches outside the daemon: handed in by the entry file, replaced in tests. */
import type { Readable, Writable } from 'node:stream';

/** An output that may be a terminal. */
export interface Output extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** An input that may be a terminal. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface World {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** The program's own version. */
  readonly version: string;
  /** Calls `handler` for every arrival of `signal` until the returned function is called. */
  onSignal(signal: NodeJS.Signals, handler: () => void): () => void;
  /** Ends the program at once, outputs flushed or not: the user insists. */
  forceExit(status: number): void;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Writes and, when the reader is slow, waits until it has caught up or is gone. */
export async function write(output: Writable, data: string | Uint8Array): Promise<void> {
  if (output.write(data) || output.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  output.once('drain', resolve);
  output.once('close', resolve);
  output.once('error', resolve);
  await promise;
  output.off('drain', resolve);
  output.off('close', resolve);
  output.off('error', resolve);
}

/** The columns of the terminal that `output` is, or 80. */
export function columnsOf(output: Output): number {
  return output.isTTY === true && output.columns !== undefined && output.columns > 0 ? output.columns : 80;
}
