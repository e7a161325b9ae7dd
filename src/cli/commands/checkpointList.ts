import { textFlag } from '../../base/index.ts';
import { callCheckpoints } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: { 'checkpoint-dir': textFlag('Use a custom checkpoint storage directory') },
  count: exactly(1),
  async run({ api }, { values, positionals: [ref = ''] }) {
    await callCheckpoints(api, ref, 'GET', { dir: values['checkpoint-dir'] });
    return 0;
  },
});
