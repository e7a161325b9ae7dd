import { posix } from 'node:path';

import { switchFlag } from '../../base/index.ts';
import {
  DaemonError,
  getArchive,
  isDevice,
  isDirectory,
  isSymlink,
  putArchive,
  statPath,
  type PathStat,
} from '../../client/index.ts';
import { defineCommand, exactly, type Context } from '../command.ts';
import { CopyProgress } from '../copy/copyProgress.ts';
import { extractArchive } from '../copy/extractArchive.ts';
import { localPath, localSource, localTarget, refuseOutput } from '../copy/localFiles.ts';
import { makeArchive } from '../copy/makeArchive.ts';
import { parseSide, place, renamedTarget, splitPath, type CopyTarget, type Placement } from '../copy/paths.ts';
import { ExitError } from '../errors.ts';
import { write } from '../world.ts';

/** A copy as asked for. */
interface Copy {
  readonly container: string;
  readonly source: string;
  readonly destination: string;
  readonly followLink: boolean;
  readonly archive: boolean;
  readonly quiet: boolean;
}

const description = `Use '-' as the source to read a tar archive from stdin
and extract it to a directory destination in a container.
Use '-' as the destination to stream a tar archive of a
container source to stdout.`;

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-',
  otherUsage: '[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  description,
  flags: {
    archive: switchFlag('Archive mode (copy all uid/gid information)', { short: 'a' }),
    'follow-link': switchFlag('Always follow symbol link in SRC_PATH', { short: 'L' }),
    quiet: switchFlag(
      'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
      { short: 'q' },
    ),
  },
  count: exactly(2),
  async run(context, { values, changed, positionals: [from = '', to = ''] }) {
    if (from === '') throw new ExitError(1, 'source can not be empty');
    if (to === '') throw new ExitError(1, 'destination can not be empty');
    const [source, destination] = [parseSide(from), parseSide(to)];
    if (source.container !== undefined && destination.container !== undefined)
      throw new ExitError(1, 'copying between containers is not supported');
    const container = source.container ?? destination.container;
    if (container === undefined) throw new ExitError(1, 'must specify at least one container source');
    const copy = {
      container,
      source: source.path,
      destination: destination.path,
      followLink: values['follow-link'],
      archive: values.archive,
      quiet: changed.has('quiet') ? values.quiet : context.world.stdout.isTTY !== true,
    };
    await (source.container === undefined ? copyIn(context, copy) : copyOut(context, copy));
    return 0;
  },
});

async function copyOut({ api, world }: Context, copy: Copy): Promise<void> {
  const { container, destination, quiet } = copy;
  const isStream = destination === '-';
  const path = isStream ? '-' : localPath(world.workingDirectory, destination);
  if (!isStream) refuseOutput(path);
  const source = copy.followLink ? await followedSource(api, copy) : { path: copy.source, name: undefined };
  const { stat, content } = await getArchive(api, container, source.path);
  if (isStream) {
    for await (const chunk of content) await write(world.stdout, chunk);
    return;
  }
  const placement = placed({ ...source, isDirectory: isDirectory(stat) }, localTarget(path));
  const warn = (text: string): void => void world.stderr.write(`warning: ${text}\n`);
  const progress = new CopyProgress(world.stderr, 'Copying from container - ');
  await showing(progress, quiet, extractArchive(progress.counted(content), placement, warn));
  if (!quiet) world.stderr.write(progress.summary(path));
}

async function copyIn({ api, world }: Context, copy: Copy): Promise<void> {
  const { container, destination, quiet } = copy;
  const target = await containerTarget(api, copy);
  if (copy.source === '-') {
    if (target.kind !== 'directory')
      throw new ExitError(1, `destination "${container}:${destination}" must be a directory`);
    await putArchive(api, container, target.path, world.stdin as AsyncIterable<Buffer>, { copyUidGid: copy.archive });
    return;
  }
  const source = localSource(localPath(world.workingDirectory, copy.source), copy.followLink);
  const { directory, newName } = placed(source, target);
  const progress = new CopyProgress(world.stderr, 'Copying to container - ');
  const archive = progress.counted(makeArchive(source.path, newName));
  await showing(progress, quiet, putArchive(api, container, directory, archive, { copyUidGid: copy.archive }));
  if (!quiet) world.stderr.write(progress.summary(`${container}:${target.path}`));
}

function placed(...[source, target]: Parameters<typeof place>): Placement {
  try {
    return place(source, target);
  } catch (error) {
    throw new ExitError(1, (error as Error).message, { cause: error });
  }
}

async function showing(progress: CopyProgress, quiet: boolean, copied: Promise<void>): Promise<void> {
  if (!quiet) progress.start();
  try {
    await copied;
  } finally {
    progress.stop();
  }
}

/** Where a link of the container leads, which is then copied under the link's name. */
async function followedSource(
  api: Context['api'],
  { container, source }: Copy,
): Promise<{ readonly path: string; readonly name: string | undefined }> {
  const stat = await statIfThere(api, container, source);
  if (stat === undefined || !isSymlink(stat)) return { path: source, name: undefined };
  return renamedTarget(source, posix.resolve('/', splitPath(source).directory, stat.linkTarget));
}

/** What a copy meets in the container; a link there is followed. That nothing is there is told by the copy itself. */
async function containerTarget(api: Context['api'], { container, destination }: Copy): Promise<CopyTarget> {
  let path = destination;
  let stat = await statIfThere(api, container, path);
  if (stat !== undefined && isSymlink(stat)) {
    path = posix.resolve('/', splitPath(destination).directory, stat.linkTarget);
    stat = await statIfThere(api, container, path);
  }
  if (stat === undefined) return { path, kind: undefined };
  if (isDevice(stat))
    throw new ExitError(
      1,
      `destination "${container}:${destination}" must be a directory or a regular file: got a device`,
    );
  return { path, kind: isDirectory(stat) ? 'directory' : 'other' };
}

async function statIfThere(api: Context['api'], container: string, path: string): Promise<PathStat | undefined> {
  try {
    return await statPath(api, container, path);
  } catch (error) {
    if (error instanceof DaemonError) return undefined;
    throw error;
  }
}
