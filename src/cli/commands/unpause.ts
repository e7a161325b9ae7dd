import { pauseContainer } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { forEachTarget } from '../targets.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  flags: {},
  count: atLeast(1),
  run: (context, { positionals }) =>
    forEachTarget(context, positionals, (ref) => pauseContainer(context.api, ref, 'unpause')),
});
