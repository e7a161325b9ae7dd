import timers from 'node:timers/promises';

import { formatGoDuration, GantryError, longestTimerMs, messageOf, type HubSession } from '../base/index.ts';
import { ProbeOutput, type HealthPlan, type ProbeResult } from '../containers/index.ts';

import { createExec } from './createExec.ts';
import type { EngineParts } from './parts.ts';
import { startExec } from './startExec.ts';

export type ProbeParts = Parameters<typeof createExec>[0] &
  Parameters<typeof startExec>[0] &
  Pick<EngineParts, 'clock' | 'health'>;

type Outcome = Pick<ProbeResult, 'exitCode' | 'output'>;

const nsPerMs = 1_000_000;
const killSignal = 9;
/** How long a process that was killed may take to be seen gone: one that waits for a device is left to the kernel. */
const killPatienceMs = 10_000;

/**
 * Runs one probe: an exec like a client's, which is killed when it takes too long or when `signal` ends the watch. Resolves
 * when it has ended; never rejects.
 */
export async function runProbe(
  parts: ProbeParts,
  containerId: string,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { Id: id } = await createExec(parts, containerId, {
      Cmd: [...plan.command],
      AttachStdout: true,
      AttachStderr: true,
    });
    try {
      const session = await parts.health.startProbe(() => startExec(parts, id, { Detach: false, Tty: false }));
      return await outcomeOf(parts, id, session, plan, signal);
    } finally {
      // Nobody asks for its exit code any more, and there will be many.
      parts.execs.forget(id);
    }
  } catch (error) {
    if (!(error instanceof GantryError)) {
      parts.logger.error('a probe failed', { container: containerId, error: messageOf(error) });
    }
    return { exitCode: -1, output: messageOf(error) };
  }
}

async function outcomeOf(
  parts: ProbeParts,
  id: string,
  session: HubSession | undefined,
  { timeoutMs }: HealthPlan,
  signal: AbortSignal,
): Promise<Outcome> {
  const output = new ProbeOutput();
  const ended = readAll(session, output);
  if (await isInTime(ended, timeoutMs, signal)) {
    return { exitCode: parts.execs.get(id).exitCode ?? -1, output: output.toString() };
  }
  parts.execs.get(id).process?.signal(killSignal);
  await isInTime(ended, killPatienceMs);
  session?.close();
  const limit = `Health check exceeded timeout (${formatGoDuration(BigInt(Math.round(timeoutMs * nsPerMs)))})`;
  const said = output.toString();
  return { exitCode: -1, output: said === '' ? limit : `${limit}: ${said}` };
}

async function readAll(session: HubSession | undefined, output: ProbeOutput): Promise<void> {
  for await (const { data } of session?.output ?? []) output.add(data);
}

/** Whether `ended` comes before the time is over, and before `signal`. */
async function isInTime(ended: Promise<void>, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const settled = new AbortController();
  const expired = timers
    .setTimeout(Math.min(timeoutMs, longestTimerMs), false, {
      signal: signal === undefined ? settled.signal : AbortSignal.any([signal, settled.signal]),
      ref: false,
    })
    .catch(() => false);
  try {
    return await Promise.race([ended.then(() => true), expired]);
  } finally {
    settled.abort();
  }
}
