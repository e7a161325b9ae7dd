/** The client's entry: hands the process over to the command line and ends with its status. */
import { main, type World } from '../cli/index.ts';
import { version } from './version.ts';

const world: World = {
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  workingDirectory: process.cwd(),
  version,
  onSignal(signal, handler) {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
  forceExit: (status) => process.exit(status),
  now: () => Date.now(),
};

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (stream.destroyed || stream.writableLength === 0) resolve();
  else stream.write('', () => resolve());
  return promise;
}

/** The status of a program that SIGPIPE has ended; the runtime keeps that signal from ending this one. */
const brokenPipeStatus = 128 + 13;

/** Ends the program, as nobody gets its output any more; where that is the reader's wish, without a word. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(brokenPipeStatus);
  process.stderr.write(`gantry: cannot write the output: ${error.message}\n`, () => process.exit(1));
}

process.stdout.on('error', outputFailed);
process.stderr.on('error', () => process.exit(1));

const status = await main(process.argv.slice(2), world);
await flushed(process.stdout);
await flushed(process.stderr);
process.exit(status);
