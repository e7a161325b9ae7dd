import { switchFlag } from '../../base/index.ts';
import { defineCommand, none } from '../command.ts';
import { filterFlag } from '../filterFlag.ts';
import { askBefore, removeImages, report } from '../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: switchFlag('Remove all unused images, not just dangling ones', { short: 'a' }),
    filter: filterFlag('Provide filter values (e.g. "until=<timestamp>")'),
    force: switchFlag('Do not prompt for confirmation', { short: 'f' }),
  },
  count: none,
  async run(context, { values }) {
    const what = values.all ? 'all images without at least one container associated to them' : 'all dangling images';
    await askBefore(context, values.force, `WARNING! This will remove ${what}.`);
    await report(context, [await removeImages(context, values.filter, values.all)]);
    return 0;
  },
});
