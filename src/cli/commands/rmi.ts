import { commaListFlag, isKind, switchFlag } from '../../base/index.ts';
import { removeImage } from '../../client/index.ts';
import { atLeast, defineCommand } from '../command.ts';
import { ExitError } from '../errors.ts';
import { platformWords } from '../platformQuery.ts';
import { failuresText } from '../targets.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: {
    force: switchFlag('Force removal of the image', { short: 'f' }),
    'no-prune': switchFlag('Do not delete untagged parents'),
    platform: commaListFlag(
      'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
  },
  count: atLeast(1),
  async run({ api, world }, { values, positionals }) {
    const platforms = values.platform.length === 0 ? '' : JSON.stringify(values.platform.map(platformWords));
    const options = { force: values.force, noPrune: values['no-prune'], platforms };
    const failures: unknown[] = [];
    for (const name of positionals) {
      try {
        for (const item of await removeImage(api, name, options)) {
          await write(world.stdout, item.Deleted ? `Deleted: ${item.Deleted}\n` : `Untagged: ${item.Untagged}\n`);
        }
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 0) return 0;
    const harmless = values.force && failures.every((failure) => isKind(failure, 'notFound'));
    throw new ExitError(harmless ? 0 : 1, failuresText(failures));
  },
});
