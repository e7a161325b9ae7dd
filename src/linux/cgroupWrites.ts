/** Limits of a control group, changed all or not at all. */
import { constants, readFile, writeFile } from 'node:fs/promises';

import { GantryError, messageOf } from '../base/index.ts';

/** One write to a file of a control group. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
  /** In a file with a line for each device, the device that this is about (`8:0`), and what is written to have no limit. */
  readonly device?: { readonly key: string; readonly unlimited: string };
}

/**
 * Writes in order; when the kernel refuses one (`internal`, with its reason), those before it are taken back, the last
 * first. Resolves with the function that takes all back, as far as the kernel allows it. A write can last while the kernel frees memory.
 */
export async function writeCgroup(writes: readonly CgroupWrite[]): Promise<() => Promise<void>> {
  const done: CgroupWrite[] = [];
  const takeBack = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const write of done.splice(0).toReversed()) {
      await writeOne(write).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
  for (const write of writes) {
    try {
      const before = await currentOf(write);
      await writeOne(write);
      done.push({ ...write, value: before });
    } catch (error) {
      // The refusal is what the caller is to hear, also where the cgroup has gone meanwhile.
      await takeBack().catch(() => {});
      throw error;
    }
  }
  return takeBack;
}

const existing = constants.O_WRONLY | constants.O_TRUNC;

async function writeOne({ file, value }: CgroupWrite): Promise<void> {
  try {
    // Never made where it is missing. An empty value is a write as well, of a line end.
    await writeFile(file, `${value}\n`, { flag: existing });
  } catch (error) {
    throw refused(`failed to write "${value}": write ${file}`, error);
  }
}

/** What has to be written to have it as it is now. */
async function currentOf({ file, device }: CgroupWrite): Promise<string> {
  const text = await textOf(file);
  if (device === undefined) return text.trim();
  return text.split('\n').find((line) => line.startsWith(`${device.key} `)) ?? device.unlimited;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw refused(`failed to read ${file}`, error);
  }
}

/** `EINVAL: invalid argument, write` as the kernel's users know it: `invalid argument`. */
function refused(what: string, error: unknown): GantryError {
  const reason = /^E\w+: ([^,]+)/.exec(messageOf(error))?.[1] ?? messageOf(error);
  return new GantryError('internal', `${what}: ${reason}`, { cause: error });
}
