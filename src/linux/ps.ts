import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { GantryError, hasCode, messageOf } from '../base/index.ts';

const run = promisify(execFile);
const outputLimitBytes = 16 * 1024 * 1024;
const timeoutMs = 10_000;

/** The output of the host's ps(1) with these arguments, a line each. */
export async function runPs(args: readonly string[]): Promise<string[]> {
  try {
    const { stdout } = await run('ps', args, { maxBuffer: outputLimitBytes, timeout: timeoutMs });
    return stdout.split('\n').filter((line) => line !== '');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      throw new GantryError('internal', 'ps was not found on the host', { hint: 'Install the package procps.' });
    }
    throw new GantryError('invalid', `error running ps: ${messageOf(error)}`, { cause: error });
  }
}
