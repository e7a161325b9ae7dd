import { familiar, parseReference, withDefaultTag, withTag } from '../oci/index.ts';

import type { EngineParts } from './parts.ts';

/** POST /images/{name}/tag: one more name for an image; a name that another image has moves over. */
export async function tagImage(
  { images, journal }: Pick<EngineParts, 'images' | 'journal'>,
  name: string,
  target: { readonly repo: string; readonly tag: string | undefined },
): Promise<void> {
  const image = images.find(name);
  const parsed = parseReference(target.repo);
  const reference = withDefaultTag(
    target.tag === undefined || target.tag === '' ? parsed : withTag(parsed, target.tag),
  );
  images.tag(image.id, reference);
  const attributes = { ...image.config.config?.Labels, name: familiar(reference) };
  journal.publish({ type: 'image', action: 'tag', actorId: image.id, attributes });
}
