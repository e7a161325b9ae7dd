import type { NetworkKernel } from '../linux/index.ts';
import { LostThreadError } from '../linux/index.ts';
import { buildSandbox, type SandboxPlan } from './sandboxBuilder.ts';
import type { SandboxMaker } from './sandboxThread.ts';

/**
 * Makes sandboxes on the calling thread, one per turn of its event loop: some 2 ms each in which nothing else runs, and
 * none of the 10 to 15 MB that a worker thread costs. Should the thread be lost in another namespace, the process ends.
 */
export function inlineMaker(kernel: NetworkKernel): SandboxMaker {
  const host = kernel.openRoutes();
  let turn: Promise<void> = Promise.resolve();

  async function makeAfter(before: Promise<void>, plan: SandboxPlan): Promise<void> {
    await before;
    await new Promise(setImmediate);
    try {
      buildSandbox(kernel, host, plan);
    } catch (error) {
      // Every later call of the daemon would see the wrong network. Containers outlive it.
      if (error instanceof LostThreadError) process.abort();
      throw error;
    }
  }

  return {
    make(plan) {
      const made = makeAfter(turn, plan);
      turn = made.catch(() => {});
      return made;
    },
    async close() {
      await turn;
      host.close();
    },
  };
}
