import { switchFlag, textFlag } from '../../base/index.ts';
import { callCheckpoints } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  flags: {
    'checkpoint-dir': textFlag('Use a custom checkpoint storage directory'),
    'leave-running': switchFlag('Leave the container running after checkpoint'),
  },
  count: exactly(2),
  async run({ api, world }, { values, positionals: [ref = '', name = ''] }) {
    const body = {
      CheckpointID: name,
      CheckpointDir: values['checkpoint-dir'],
      Exit: !values['leave-running'],
    };
    await callCheckpoints(api, ref, 'POST', { body });
    await write(world.stdout, `${name}\n`);
    return 0;
  },
});
