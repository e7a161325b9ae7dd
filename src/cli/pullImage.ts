import { canonicalName, type Reference } from '../oci/index.ts';
import { pullImage } from '../client/index.ts';
import type { Context } from './command.ts';
import { ProgressView } from './progress.ts';
import type { Output } from './world.ts';

/** Pulls `reference` (all its tags when it names none) and draws the progress on `output`, if there is one. */
export async function pullReference(
  context: Context,
  reference: Reference,
  options: { readonly platform: string; readonly output: Output | undefined },
): Promise<void> {
  const request = {
    fromImage: canonicalName(reference),
    tag: reference.digest ?? reference.tag ?? '',
    platform: options.platform,
  };
  const view = new ProgressView(options.output);
  for await (const message of await pullImage(context.api, request)) await view.show(message);
}
