import { isKind, switchFlag } from '../../base/index.ts';
import { removeContainer } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { forEachTarget } from '../targets.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    force: switchFlag('Force the removal of a running container (uses SIGKILL)', { short: 'f' }),
    link: switchFlag('Remove the specified link', { short: 'l' }),
    volumes: switchFlag('Remove anonymous volumes associated with the container', { short: 'v' }),
  },
  count: atLeast(1),
  run: (context, { values, positionals }) =>
    forEachTarget(context, positionals, async (ref) => {
      const name = ref.replace(/^\/+(?=.)/, '');
      try {
        await removeContainer(context.api, name, values);
      } catch (error) {
        // With --force the goal is that it is not there.
        if (!values.force || !isKind(error, 'notFound')) throw error;
        await write(context.world.stderr, `${error.message}\n`);
        return null;
      }
      return ref;
    }),
});
