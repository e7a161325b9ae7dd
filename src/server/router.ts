import type { Route } from '../api/index.ts';

/** A route that a request matched, and what stood in the place of its first parameter, still percent-encoded. */
export interface RouteMatch<R extends Route> {
  readonly route: R;
  readonly target: string;
}

export type Router<R extends Route> = (method: string, path: string) => RouteMatch<R> | undefined;

interface Pattern<R extends Route> {
  readonly route: R;
  readonly matcher: RegExp;
  /** Length of the literal text behind the first parameter: what tells names with slashes from longer paths. */
  readonly suffixLength: number;
}

const parameter = /\{\w+(\.\.\.)?\}/g;

function patternOf<R extends Route>(route: R): Pattern<R> | undefined {
  const first = route.path.search(parameter);
  if (first === -1) return undefined;
  const matcher = route.path.replace(parameter, (_, dots?: string) => (dots === undefined ? '([^/]+)' : '(.+)'));
  return {
    route,
    matcher: new RegExp(`^${matcher}$`),
    suffixLength: route.path.slice(first).replace(parameter, '').length,
  };
}

function groupKey(method: string, path: string): string {
  const end = path.indexOf('/', 1);
  return `${method} ${end === -1 ? path : path.slice(0, end)}`;
}

/**
 * Compiles a table into a look-up. Of the patterns that match, the one with the longest literal suffix wins. A router for
 * trees of segments would not serve: image names hold raw slashes.
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
  for (const group of groups.values()) group.sort((a, b) => b.suffixLength - a.suffixLength);
  return (method, path) => {
    const exact = fixed.get(`${method} ${path}`);
    if (exact !== undefined) return exact;
    for (const { route, matcher } of groups.get(groupKey(method, path)) ?? []) {
      const target = matcher.exec(path)?.[1];
      if (target !== undefined) return { route, target };
    }
    return undefined;
  };
}
