import { rawJson } from '../base/index.ts';
import type { OciProcess, OciRlimit, OciSpec } from './ociSpec.ts';

/** Numbers from here on are the only ones that a limit without a bound is read as: 2^64 - 1 has no number of its own. */
const unlimitedAsNumber = 2 ** 64;

function written(limit: number | bigint): unknown {
  return typeof limit === 'bigint' ? rawJson(limit.toString()) : limit;
}

function read(limit: number | bigint): number | bigint {
  return typeof limit === 'number' && limit >= unlimitedAsNumber ? BigInt(unlimitedAsNumber) - 1n : limit;
}

function withExactLimits(process: OciProcess): object {
  if (process.rlimits === undefined) return process;
  const rlimits = process.rlimits.map(({ type, soft, hard }) => ({ type, soft: written(soft), hard: written(hard) }));
  return { ...process, rlimits };
}

/** A process as the OCI runtimes read it: limits are unsigned integers of 64 bits (config.md, "POSIX process"). */
export function processText(process: OciProcess): string {
  return JSON.stringify(withExactLimits(process));
}

/** A config.json, its limits like those of `processText`. */
export function specText(spec: OciSpec): string {
  return JSON.stringify({ ...spec, process: withExactLimits(spec.process) });
}

/** The process of a config.json that `specText` wrote, its limits exact again. */
export function parseSpecProcess(text: string): OciProcess {
  const { process } = JSON.parse(text) as OciSpec;
  if (process.rlimits === undefined) return process;
  const rlimits = process.rlimits.map(({ type, soft, hard }): OciRlimit => ({
    type,
    soft: read(soft),
    hard: read(hard),
  }));
  return { ...process, rlimits };
}
