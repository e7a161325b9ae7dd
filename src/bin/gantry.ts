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

// A reader that went away is told by the status of the pipeline, not by us.
process.stdout.on('error', () => process.stdout.destroy());
process.stderr.on('error', () => process.stderr.destroy());

const status = await main(process.argv.slice(2), world);
await flushed(process.stdout);
await flushed(process.stderr);
process.exit(status);
