import { GantryError, messageOf } from '../../base/index.ts';
import { renameContainer } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { ExitError } from '../errors.ts';

export const command = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  flags: {},
  count: exactly(2),
  async run({ api }, { positionals: [ref = '', name = ''] }) {
    if (ref.trim() === '' || name.trim() === '')
      throw new ExitError(1, 'Error: Neither old nor new names may be empty');
    try {
      await renameContainer(api, ref, name);
    } catch (error) {
      const hint = error instanceof GantryError && error.hint !== undefined ? `\n${error.hint}` : '';
      throw new ExitError(1, `${messageOf(error)}\nError: failed to rename container named ${ref}${hint}`, {
        cause: error,
      });
    }
    return 0;
  },
});
