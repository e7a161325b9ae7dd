import { topContainer } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { alignTabs } from '../format/index.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  flags: {},
  count: atLeast(1),
  stopAtPositional: true,
  async run({ api, world }, { positionals: [ref = '', ...psArgs] }) {
    const { Titles, Processes } = await topContainer(api, ref, psArgs.join(' '));
    const lines = [Titles ?? [], ...(Processes ?? [])].map((row) => `${row.join('\t')}\n`).join('');
    await write(world.stdout, alignTabs(lines, { minWidth: 20, padding: 3 }));
    return 0;
  },
});
