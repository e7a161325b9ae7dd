/** Calls of the Engine API about the daemon itself. */
import type { EventMessage, SystemInfo, SystemVersion } from '../api/index.ts';
import { encodeFilters, type Api } from './api.ts';
import type { Filters } from './containers.ts';

export function systemInfo(api: Api): Promise<SystemInfo> {
  return api.json('GET', '/info');
}

export function systemVersion(api: Api): Promise<SystemVersion> {
  return api.json('GET', '/version');
}

/** Events, past ones first; ends at `until`, or with `signal`. Times are seconds since the epoch, or empty. */
export function watchEvents(
  api: Api,
  options: { readonly since: string; readonly until: string; readonly filters: Filters },
  signal?: AbortSignal,
): Promise<AsyncIterable<EventMessage>> {
  const query = { since: options.since, until: options.until, filters: encodeFilters(options.filters) };
  return api.lines('GET', '/events', { query, ...(signal && { signal }) });
}
