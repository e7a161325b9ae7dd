import { atLeast, defineCommand } from '../command.ts';
import { stopEach, stopFlags } from '../stopFlags.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: stopFlags,
  count: atLeast(1),
  run: (context, input) => stopEach(context, 'restart', input),
});
