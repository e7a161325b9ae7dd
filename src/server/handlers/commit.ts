import type { ContainerConfig } from '../../api/index.ts';
import type { ContainerBackend } from '../backends.ts';
import { decodeCommit } from '../decode.ts';
import { booleanOf, textOf } from '../query.ts';
import { type ApiRequest, created, type Handler } from '../reply.ts';

/** POST /commit: pauses unless it is told not to. */
export function commitHandler(backend: ContainerBackend): Handler {
  return async (request) => {
    const { query } = request;
    const answer = await backend.commit({
      container: query.get('container') ?? '',
      repo: textOf(query, 'repo'),
      tag: textOf(query, 'tag'),
      comment: query.get('comment') ?? '',
      author: query.get('author') ?? '',
      pause: textOf(query, 'pause') === undefined || booleanOf(query, 'pause'),
      changes: query.getAll('changes'),
      config: await configOf(request),
    });
    return created(answer);
  };
}

/** A body that says nothing is none. */
async function configOf(request: ApiRequest): Promise<ContainerConfig | undefined> {
  const text = await request.jsonBody();
  const config = text === undefined ? {} : decodeCommit(text);
  return Object.keys(config).length === 0 ? undefined : config;
}
