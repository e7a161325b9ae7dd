import { containerChanges } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { write } from '../world.ts';

const letters = { 0: 'C', 1: 'A', 2: 'D' };

export const command = defineCommand({
  usage: 'CONTAINER',
  flags: {},
  count: exactly(1),
  async run({ api, world }, { positionals: [ref = ''] }) {
    const changes = (await containerChanges(api, ref)) ?? [];
    await write(world.stdout, changes.map(({ Kind, Path }) => `${letters[Kind]} ${Path}\n`).join(''));
    return 0;
  },
});
