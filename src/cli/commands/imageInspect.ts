import { textFlag } from '../../base/index.ts';
import { inspectImageText } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { inspectAll } from '../inspectAll.ts';
import { objectFormatUsage } from '../listing.ts';
import { platformQuery } from '../platformQuery.ts';

const platformUsage = `Inspect a specific platform of the multi-platform image.
If the image or the server is not multi-platform capable, the command will error out if the platform does not match.
'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)`;

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: { format: textFlag(objectFormatUsage, { short: 'f' }), platform: textFlag(platformUsage) },
  count: atLeast(1),
  async run(context, { values, positionals }) {
    const platform = platformQuery(values.platform);
    return inspectAll(context, positionals, values.format, (name) => inspectImageText(context.api, name, platform));
  },
});
