import { isKind, switchFlag, textFlag } from '../../base/index.ts';
import { inspectContainerText, inspectImageText, type Api } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { ExitError } from '../errors.ts';
import { inspectAll } from '../inspectAll.ts';
import { objectFormatUsage } from '../listing.ts';

type Inspect = (api: Api, name: string, size: boolean) => Promise<string>;

/** In the order in which a name is looked up. */
const kinds: Readonly<Record<string, Inspect>> = {
  container: inspectContainerText,
  image: (api, name) => inspectImageText(api, name, ''),
};

async function inspectAny(api: Api, name: string, size: boolean): Promise<string> {
  for (const inspect of Object.values(kinds)) {
    try {
      return await inspect(api, name, size);
    } catch (error) {
      if (!isKind(error, 'notFound')) throw error;
    }
  }
  throw new Error(`Error: No such object: ${name}`);
}

export const command = defineCommand({
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  flags: {
    format: textFlag(objectFormatUsage, { short: 'f' }),
    size: switchFlag('Display total file sizes if the type is container', { short: 's' }),
    type: textFlag('Only inspect objects of the given type'),
  },
  count: atLeast(1),
  async run(context, { values, changed, positionals }) {
    const { format, size, type } = values;
    if (!changed.has('type'))
      return inspectAll(context, positionals, format, (name) => inspectAny(context.api, name, size));
    const inspect = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
    if (inspect === undefined) {
      const known = Object.keys(kinds).map((kind) => JSON.stringify(kind));
      throw new ExitError(1, `unknown type: ${JSON.stringify(type)}: must be one of ${known.join(', ')}`);
    }
    return inspectAll(context, positionals, format, (name) => inspect(context.api, name, size));
  },
});
