import { textFlag } from '../../base/index.ts';
import { callCheckpoints } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  flags: { 'checkpoint-dir': textFlag('Use a custom checkpoint storage directory') },
  count: exactly(2),
  async run({ api }, { values, positionals: [ref = '', name = ''] }) {
    await callCheckpoints(api, ref, 'DELETE', { name, dir: values['checkpoint-dir'] });
    return 0;
  },
});
