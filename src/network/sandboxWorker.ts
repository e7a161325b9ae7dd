/** Entry of the worker thread that makes sandboxes: the only place where a thread leaves the host's network namespace. */
import { parentPort } from 'node:worker_threads';

import { messageOf } from '../base/index.ts';
import { LostThreadError, networkKernel } from '../linux/index.ts';
import { buildSandbox } from './sandboxBuilder.ts';
import type { SandboxAnswer, SandboxJob } from './sandboxThread.ts';

const host = networkKernel.openRoutes();

function answerTo({ number, plan }: SandboxJob): SandboxAnswer {
  try {
    buildSandbox(networkKernel, host, plan);
    return { number, error: undefined };
  } catch (error) {
    // A thread that is lost in another namespace must do nothing more, not even answer: its end is the answer.
    if (error instanceof LostThreadError) process.exit(1);
    return { number, error: messageOf(error) };
  }
}

parentPort?.on('message', (job: SandboxJob) => {
  parentPort?.postMessage(answerTo(job));
});
