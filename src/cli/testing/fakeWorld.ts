/** A world for tests: outputs are kept, nothing of the real one is touched. */
import { PassThrough, Writable } from 'node:stream';

import type { Output, World } from '../world.ts';

export interface FakeWorld {
  readonly world: World;
  readonly stdin: PassThrough;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Delivers a signal to whoever listens. */
  readonly signal: (name: NodeJS.Signals) => void;
}

export interface FakeTerminal {
  readonly columns: number;
  readonly rows: number;
}

function recorder(terminal: FakeTerminal | undefined): { output: Output; text: () => string } {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const facts = terminal === undefined ? {} : { isTTY: true, ...terminal };
  return { output: Object.assign(output, facts), text: () => Buffer.concat(chunks).toString() };
}

export function fakeWorld(options: {
  readonly environment?: Readonly<Record<string, string>>;
  readonly terminal?: FakeTerminal;
}): FakeWorld {
  const handlers = new Map<string, Set<() => void>>();
  const [out, errors] = [recorder(options.terminal), recorder(options.terminal)];
  const stdin = new PassThrough();
  const world: World = {
    stdin,
    stdout: out.output,
    stderr: errors.output,
    environment: options.environment ?? {},
    workingDirectory: '/work/dir',
    version: '1.2.3',
    onSignal(name, handler) {
      const own = handlers.get(name) ?? new Set();
      handlers.set(name, own.add(handler));
      return () => own.delete(handler);
    },
    forceExit: () => {},
    now: () => Date.UTC(2026, 0, 2),
  };
  return {
    world,
    stdin,
    stdout: out.text,
    stderr: errors.text,
    signal: (name) => {
      for (const handler of handlers.get(name) ?? []) handler();
    },
  };
}
