/** Entry of the store's worker threads: the work that would block the daemon's main thread. See `storeWorkers.ts`. */
import { rmSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

import { syncFileSystem } from '../linux/index.ts';
import { listChanges } from './diff/changeList.ts';
import { writeLayerTar } from './diff/layerTar.ts';
import type { WorkerReply, WorkerRequest, WorkerResult, WorkerTask } from './storeWorkers.ts';
import { measureTree } from './unpack/measure.ts';
import { unpackLayer } from './unpack/unpackLayer.ts';
import { failureOf } from './workerFailure.ts';

/** Aborts the task that is running. */
let running: AbortController | undefined;

parentPort?.on('message', (request: WorkerRequest) => {
  if (request === 'abort') running?.abort();
  else void reply(request);
});

async function reply(task: WorkerTask): Promise<void> {
  running = new AbortController();
  let answer: WorkerReply;
  try {
    answer = { result: await perform(task, running.signal) };
  } catch (error) {
    answer = { failure: failureOf(error) };
  }
  parentPort?.postMessage(answer);
}

async function perform(task: WorkerTask, signal: AbortSignal): Promise<WorkerResult> {
  if (task.kind === 'delete') {
    rmSync(task.path, { recursive: true, force: true });
    return {};
  }
  if (task.kind === 'changes') return { changes: listChanges(task.job) };
  if (task.kind === 'writeLayer') return { layer: writeLayerTar(task.job) };
  if (task.kind === 'unpack') await unpackLayer(task.job, signal);
  const path = task.kind === 'unpack' ? task.job.upper : task.path;
  if (task.kind !== 'measure') syncFileSystem(path);
  return { usage: measureTree(path) };
}
