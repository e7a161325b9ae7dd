import type { ImageHistoryItem, ImageInspect, ImageSummary } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { history, inspect, list } from '../images/index.ts';
import { formatPlatform, matchPlatform, parsePlatform } from '../oci/index.ts';

import type { EngineParts } from './parts.ts';

type Images = EngineParts['images'];
type ImageRecord = ReturnType<Images['find']>;

/** GET /images/json. */
export async function listImages(
  { images, clock }: Pick<EngineParts, 'images' | 'clock'>,
  options: { readonly all: boolean; readonly filters: ReadonlyMap<string, ReadonlySet<string>> },
): Promise<ImageSummary[]> {
  return list(images, options.filters, { all: options.all, nowNs: clock() });
}

/** GET /images/{name}/json. */
export async function inspectImage(
  { images, snapshots }: Pick<EngineParts, 'images' | 'snapshots'>,
  name: string,
  options: { readonly platform: string | undefined; readonly manifests: boolean },
): Promise<ImageInspect> {
  const image = forPlatform(images.find(name), name, options.platform);
  const top = image.chainIds.at(-1);
  const data = top === undefined || snapshots.stat(top) === undefined ? {} : snapshots.describe(top);
  return inspect(images, image, { name: snapshots.name, data });
}

/** GET /images/{name}/history. */
export async function historyOfImage(
  { images }: Pick<EngineParts, 'images'>,
  name: string,
  options: { readonly platform: string | undefined },
): Promise<ImageHistoryItem[]> {
  return history(images, forPlatform(images.find(name), name, options.platform));
}

/** The image, if it is for the platform that the client asked for; the store has one platform of each name. */
export function forPlatform(image: ImageRecord, name: string, platform: string | undefined): ImageRecord {
  if (platform === undefined || platform === '') return image;
  const wanted = parsePlatform(platform);
  const { os, architecture, variant } = image.config;
  if (matchPlatform(wanted, { os, architecture, ...(variant === undefined ? {} : { variant }) })) return image;
  throw new GantryError(
    'notFound',
    `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
    { hint: `Pull it for that platform: gantry pull --platform ${formatPlatform(wanted)} ${name}` },
  );
}
