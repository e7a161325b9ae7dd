import { textFlag } from '../../base/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { containerFlags } from '../containerFlags.ts';
import { checkedRequest, createWithImage } from '../createContainer.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: {
    ...containerFlags,
    pull: textFlag('Pull image before creating ("always", "missing", "never")', { initial: 'missing' }),
  },
  count: atLeast(1),
  stopAtPositional: true,
  async run(context, { values, changed, positionals: [image = '', ...command] }) {
    const body = checkedRequest(context, { values, changed, image, command }, [0, 0]);
    const { name, platform, quiet, cidfile } = values;
    const pull = values.pull || 'missing';
    const id = await createWithImage(context, body, { name, platform, pull, quiet, cidfile });
    await write(context.world.stdout, `${id}\n`);
    return 0;
  },
});
