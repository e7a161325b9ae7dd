import { textFlag } from '../../base/index.ts';
import { killContainer } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { forEachTarget } from '../targets.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: { signal: textFlag('Signal to send to the container', { short: 's' }) },
  count: atLeast(1),
  run: (context, { values, positionals }) =>
    forEachTarget(context, positionals, (ref) => killContainer(context.api, ref, values.signal)),
});
