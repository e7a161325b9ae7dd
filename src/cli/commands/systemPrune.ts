import { GantryError, switchFlag } from '../../base/index.ts';
import type { Filters } from '../../client/index.ts';
import { defineCommand, none } from '../command.ts';
import { filterFlag } from '../filterFlag.ts';
import { askBefore, removeContainers, removeImages, report } from '../prune.ts';

function warning(all: boolean, filters: Filters): string {
  const images = all ? 'all images without at least one container associated to them' : 'all dangling images';
  const shown = [...filters].flatMap(([key, values]) => [...values].map((value) => `  - ${key}=${value}\n`)).join('');
  const narrowed = shown === '' ? '' : `\n  Items to be pruned will be filtered with:\n${shown}`;
  return `WARNING! This will remove:\n  - all stopped containers\n  - ${images}\n${narrowed}`;
}

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: switchFlag('Remove all unused images not just dangling ones', { short: 'a' }),
    filter: filterFlag('Provide filter values (e.g. "label=<key>=<value>")'),
    force: switchFlag('Do not prompt for confirmation', { short: 'f' }),
    volumes: switchFlag('Prune anonymous volumes'),
  },
  count: none,
  async run(context, { values }) {
    if (values.volumes) throw new GantryError('notImplemented', 'system prune --volumes is not supported yet');
    await askBefore(context, values.force, warning(values.all, values.filter));
    const containers = await removeContainers(context, values.filter);
    await report(context, [containers, await removeImages(context, values.filter, values.all)]);
    return 0;
  },
});
