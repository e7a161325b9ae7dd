/** Calls of the Engine API's /images, one function each. `name` is a reference, an id, or a unique prefix of one. */
import type { ImageDeleteItem, ImageHistoryItem, ImagesPruned, ImageSummary, ProgressMessage } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { encodeFilters, pathPart, type Api } from './api.ts';
import type { Filters } from './containers.ts';

function imagePath(name: string, verb = ''): string {
  if (name.trim() === '') throw new GantryError('invalid', 'invalid image name: value is empty');
  return `/images/${pathPart(name)}${verb}`;
}

export function listImages(
  api: Api,
  options: { readonly all: boolean; readonly filters: Filters },
): Promise<ImageSummary[]> {
  return api.json('GET', '/images/json', { query: { all: options.all, filters: encodeFilters(options.filters) } });
}

/** The inspect answer as the daemon wrote it. `platform` is the API's JSON, or empty. */
export function inspectImageText(api: Api, name: string, platform: string): Promise<string> {
  return api.text('GET', imagePath(name, '/json'), { query: { platform } });
}

export function imageHistory(api: Api, name: string, platform: string): Promise<ImageHistoryItem[]> {
  return api.json('GET', imagePath(name, '/history'), { query: { platform } });
}

export async function tagImage(api: Api, name: string, target: { repo: string; tag: string }): Promise<void> {
  await api.run('POST', imagePath(name, '/tag'), { query: { ...target } });
}

export function removeImage(
  api: Api,
  name: string,
  options: { readonly force: boolean; readonly noPrune: boolean; readonly platforms: string },
): Promise<ImageDeleteItem[]> {
  const query = { force: options.force, noprune: options.noPrune, platforms: options.platforms };
  return api.json('DELETE', imagePath(name), { query });
}

export function pruneImages(api: Api, filters: Filters): Promise<ImagesPruned> {
  return api.json('POST', '/images/prune', { query: { filters: encodeFilters(filters) } });
}

/** No credentials, as the header's base64url JSON. */
const anonymous = Buffer.from('{}').toString('base64url').padEnd(4, '=');

/** Pulls; the messages are the daemon's progress, and an `error` among them is the pull's failure. */
export function pullImage(
  api: Api,
  request: { readonly fromImage: string; readonly tag: string; readonly platform: string },
  signal?: AbortSignal,
): Promise<AsyncIterable<ProgressMessage>> {
  return api.lines('POST', '/images/create', {
    query: { ...request },
    headers: { 'X-Registry-Auth': anonymous },
    ...(signal && { signal }),
  });
}
