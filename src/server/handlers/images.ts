import type { imageRoutes } from '../../api/index.ts';
import { GantryError } from '../../base/index.ts';
import type { ImageBackend } from '../backends.ts';
import { booleanOf, filtersOf, textOf } from '../query.ts';
import { type ApiRequest, type Handler, ok, type Reply } from '../reply.ts';
import { shapeImageInspect, shapeImageSummary, sinceVersion } from '../versions.ts';
import { pullHandler } from './pull.ts';

type ImageRouteName = (typeof imageRoutes)[number]['name'];

/** One handler per route of /images. */
export function imageHandlers(backend: ImageBackend): Record<ImageRouteName, Handler> {
  return {
    imageCreate: pullHandler(backend),
    imageList: (request) => list(backend, request),
    imagePrune: async ({ query }) => ok(await backend.prune(filtersOf(query))),
    imageInspect: (request) => inspect(backend, request),
    imageHistory: async ({ target, query, version }) =>
      ok(await backend.history(target, { platform: sinceVersion(version, 48, textOf(query, 'platform')) })),
    imageTag: (request) => tag(backend, request),
    imageDelete: async ({ target, query }) =>
      ok(await backend.remove(target, { force: booleanOf(query, 'force'), noPrune: booleanOf(query, 'noprune') })),
  };
}

async function list(backend: ImageBackend, { query, version }: ApiRequest): Promise<Reply> {
  const filters = new Map(filtersOf(query));
  // Before 1.41 a pattern for names stood beside the filters.
  const pattern = version < 41 ? textOf(query, 'filter') : undefined;
  if (pattern !== undefined) filters.set('reference', new Set([...(filters.get('reference') ?? []), pattern]));
  const summaries = await backend.list({
    all: booleanOf(query, 'all'),
    digests: booleanOf(query, 'digests'),
    sharedSize: version >= 42 && booleanOf(query, 'shared-size'),
    manifests: version >= 47 && booleanOf(query, 'manifests'),
    filters,
  });
  return ok(summaries.map((summary) => shapeImageSummary(version, summary)));
}

async function inspect(backend: ImageBackend, { target, query, version }: ApiRequest): Promise<Reply> {
  const platform = sinceVersion(version, 49, textOf(query, 'platform'));
  const manifests = version >= 48 && booleanOf(query, 'manifests');
  return ok(shapeImageInspect(version, await backend.inspect(target, { platform, manifests })));
}

async function tag(backend: ImageBackend, { target, query }: ApiRequest): Promise<Reply> {
  const repo = textOf(query, 'repo');
  if (repo === undefined) throw new GantryError('invalid', 'invalid tag: "repo" is empty');
  await backend.tag(target, { repo, tag: textOf(query, 'tag') });
  return { kind: 'empty', status: 201 };
}
