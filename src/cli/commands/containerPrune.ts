import { switchFlag } from '../../base/index.ts';
import { defineCommand, none } from '../command.ts';
import { filterFlag } from '../filterFlag.ts';
import { askBefore, removeContainers, report } from '../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('Provide filter values (e.g. "until=<timestamp>")'),
    force: switchFlag('Do not prompt for confirmation', { short: 'f' }),
  },
  count: none,
  async run(context, { values }) {
    await askBefore(context, values.force, 'WARNING! This will remove all stopped containers.');
    await report(context, [await removeContainers(context, values.filter)]);
    return 0;
  },
});
