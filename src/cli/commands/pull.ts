import { switchFlag, textFlag } from '../../base/index.ts';
import { canonical, parseReference, withDefaultTag } from '../../oci/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { ExitError } from '../errors.ts';
import { pullReference } from '../pullImage.ts';
import { write } from '../world.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  flags: {
    'all-tags': switchFlag('Download all tagged images in the repository', { short: 'a' }),
    'disable-content-trust': switchFlag('Skip image verification', { initial: true }),
    platform: textFlag('Set platform if server is multi-platform capable'),
    quiet: switchFlag('Suppress verbose output', { short: 'q' }),
  },
  count: exactly(1),
  async run(context, { values, positionals: [name = ''] }) {
    const { stdout } = context.world;
    const typed = parseReference(name);
    const bare = typed.tag === undefined && typed.digest === undefined;
    if (values['all-tags'] && !bare) throw new ExitError(1, "tag can't be used with --all-tags/-a");
    const reference = values['all-tags'] ? typed : withDefaultTag(typed);
    if (bare && !values['all-tags'] && !values.quiet) await write(stdout, `Using default tag: ${reference.tag}\n`);
    await pullReference(context, reference, { platform: values.platform, output: values.quiet ? undefined : stdout });
    await write(stdout, `${canonical(reference)}\n`);
    return 0;
  },
});
