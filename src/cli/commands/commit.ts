import { listFlag, switchFlag, textFlag } from '../../base/index.ts';
import { commitContainer } from '../../client/index.ts';
import { canonicalName, parseReference, withDefaultTag } from '../../oci/index.ts';
import { defineCommand } from '../command.ts';
import { ExitError } from '../errors.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  flags: {
    author: textFlag('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    change: listFlag('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: textFlag('Commit message', { short: 'm' }),
    pause: switchFlag('Pause container during commit', { short: 'p', initial: true }),
  },
  count: { least: 1, most: 2 },
  async run({ api, world }, { values, positionals: [ref = '', name = ''] }) {
    const { author, change, message, pause } = values;
    const { Id } = await commitContainer(api, ref, {
      ...target(name),
      comment: message,
      author,
      changes: change,
      pause,
    });
    await write(world.stdout, `${Id}\n`);
    return 0;
  },
});

function target(name: string): { repo: string; tag: string } {
  if (name === '') return { repo: '', tag: '' };
  const reference = withDefaultTag(parseReference(name));
  if (reference.digest !== undefined) throw new ExitError(1, 'refusing to create a tag with a digest reference');
  return { repo: canonicalName(reference), tag: reference.tag ?? '' };
}
