import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { GantryError, hasCode, messageOf } from '../base/index.ts';

const run = promisify(execFile);
const outputLimitBytes = 16 * 1024 * 1024;
const timeoutMs = 10_000;

/**
 * The output of the host's ps(1) with these arguments, a line each, of these processes at least: options that do not go with a
 * choice of processes give all of the host's. Throws `internal` with what ps complains of.
 */
export async function runPs(args: readonly string[], pids: readonly number[]): Promise<string[]> {
  try {
    return await linesOf([...args, `-q${pids.join(',')}`]);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      throw new GantryError('internal', 'ps was not found on the host', { hint: 'Install the package procps.' });
    }
  }
  try {
    return await linesOf(args);
  } catch (error) {
    throw new GantryError('internal', complaintOf(error), { cause: error });
  }
}

async function linesOf(args: readonly string[]): Promise<string[]> {
  const { stdout } = await run('ps', args, { maxBuffer: outputLimitBytes, timeout: timeoutMs });
  return stdout.split('\n').filter((line) => line !== '');
}

/** The first line that ps wrote to its standard error says why. */
function complaintOf(error: unknown): string {
  const written = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const first = written.split('\n')[0] ?? '';
  if (first !== '') return `ps: ${first}`;
  // Without a word where nothing was found that could be shown.
  const status = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof status === 'number' ? `ps: exit status ${status}` : `Error running ps: ${messageOf(error)}`;
}
