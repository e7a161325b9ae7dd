import { tagImage } from '../../client/index.ts';
import { canonicalName, parseReference, withDefaultTag } from '../../oci/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { ExitError } from '../errors.ts';
import { messageOf } from '../../base/index.ts';

export const command = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  flags: {},
  count: exactly(2),
  async run({ api }, { positionals: [source = '', target = ''] }) {
    const reference = parsed(target);
    if (reference.digest !== undefined) throw new ExitError(1, 'refusing to create a tag with a digest reference');
    await tagImage(api, source, { repo: canonicalName(reference), tag: reference.tag ?? '' });
    return 0;
  },
});

function parsed(text: string): ReturnType<typeof parseReference> {
  try {
    return withDefaultTag(parseReference(text));
  } catch (error) {
    throw new ExitError(
      1,
      `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
