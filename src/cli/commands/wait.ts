import { waitContainer } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { forEachTarget } from '../targets.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  flags: {},
  count: atLeast(1),
  run: (context, { positionals }) =>
    forEachTarget(context, positionals, async (ref) => {
      const { value } = await waitContainer(context.api, ref, undefined);
      return String((await value).StatusCode);
    }),
});
