/** A daemon to be killed: runs the bundle that it is told to, passes its first output on, and waits for the end. */
import { silentLogger } from '../../src/base/index.ts';
import { openRuntime, type RunRequest } from '../../src/runtime/index.ts';

const { name, path, root, request } = JSON.parse(process.argv[2] ?? '') as {
  readonly name: string;
  readonly path: string;
  readonly root: string;
  readonly request: RunRequest;
};
const started = await openRuntime({ name, path, root, logger: silentLogger }).run(request);
started.stdout.once('data', (chunk: Buffer) => {
  started.stdout.pause();
  process.stdout.write(chunk);
});
setInterval(() => {}, 1000);
