import { switchFlag, textFlag } from '../../base/index.ts';
import { inspectContainerText } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { inspectAll } from '../inspectAll.ts';
import { objectFormatUsage } from '../listing.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    format: textFlag(objectFormatUsage, { short: 'f' }),
    size: switchFlag('Display total file sizes', { short: 's' }),
  },
  count: atLeast(1),
  run: (context, { values, positionals }) =>
    inspectAll(context, positionals, values.format, (ref) => inspectContainerText(context.api, ref, values.size)),
});
