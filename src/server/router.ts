import type { Route } from '../api/index.ts';

/** A route that a request matched, and what stood in the place of its one parameter, still percent-encoded. */
export interface RouteMatch<R extends Route> {
  readonly route: R;
  readonly target: string;
}

export type Router<R extends Route> = (method: string, path: string) => RouteMatch<R> | undefined;

interface Pattern<R extends Route> {
  readonly route: R;
  readonly prefix: string;
  readonly suffix: string;
  readonly takesSlashes: boolean;
}

function patternOf<R extends Route>(route: R): Pattern<R> | undefined {
  const match = /^([^{]*)\{\w+(\.\.\.)?\}([^{]*)$/.exec(route.path);
  if (match === null) return undefined;
  const [, prefix = '', dots, suffix = ''] = match;
  return { route, prefix, suffix, takesSlashes: dots !== undefined };
}

function groupKey(method: string, path: string): string {
  const end = path.indexOf('/', 1);
  return `${method} ${end === -1 ? path : path.slice(0, end)}`;
}

/**
 * Compiles a table into a look-up. Every route of the API has at most one parameter, so a pattern is a prefix and a
 * suffix; the longest suffix wins. A router for trees of segments would not serve: image names hold raw slashes.
 */
export function createRouter<R extends Route>(routes: readonly R[]): Router<R> {
  const fixed = new Map<string, RouteMatch<R>>();
  const groups = new Map<string, Pattern<R>[]>();
  for (const route of routes) {
    const pattern = patternOf(route);
    if (pattern === undefined) {
      fixed.set(`${route.method} ${route.path}`, { route, target: '' });
      continue;
    }
    const key = groupKey(route.method, route.path);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(pattern);
  }
  for (const group of groups.values()) group.sort((a, b) => b.suffix.length - a.suffix.length);
  return (method, path) => {
    const exact = fixed.get(`${method} ${path}`);
    if (exact !== undefined) return exact;
    for (const { route, prefix, suffix, takesSlashes } of groups.get(groupKey(method, path)) ?? []) {
      if (path.length <= prefix.length + suffix.length || !path.startsWith(prefix) || !path.endsWith(suffix)) continue;
      const target = path.slice(prefix.length, path.length - suffix.length);
      if (takesSlashes || !target.includes('/')) return { route, target };
    }
    return undefined;
  };
}
