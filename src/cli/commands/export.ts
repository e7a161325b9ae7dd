import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { hasCode, textFlag } from '../../base/index.ts';
import { exportContainer } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { ExitError } from '../errors.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: { output: textFlag('Write to a file, instead of STDOUT', { short: 'o' }) },
  count: exactly(1),
  async run({ api, world }, { values, positionals: [ref = ''] }) {
    if (values.output === '' && world.stdout.isTTY === true)
      throw new ExitError(1, 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
    const path = values.output === '' ? undefined : resolve(world.workingDirectory, values.output);
    if (path !== undefined) await checkPath(path);
    const chunks = await exportContainer(api, ref);
    if (path !== undefined) await save(path, chunks);
    else for await (const chunk of chunks) await write(world.stdout, chunk);
    return 0;
  },
});

async function checkPath(path: string): Promise<void> {
  const directory = dirname(path);
  if ((await statOf(directory)) === undefined)
    throw refusal(`invalid output path: stat ${directory}: no such file or directory`);
  const found = await statOf(path);
  if (found?.isDirectory() === true) throw refusal('cannot write to a directory');
  if (found !== undefined && !found.isFile()) throw refusal('cannot write to a device');
}

function refusal(why: string): ExitError {
  return new ExitError(1, `failed to export container: ${why}`);
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Under another name until all of it is there: a file that is cut short would look like an archive. */
async function save(path: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const partial = join(dirname(path), `.gantry_temp_${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
