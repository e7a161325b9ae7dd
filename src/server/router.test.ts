import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { declinedRoutes, type Route, servedRoutes } from '../api/index.ts';
import { createRouter } from './router.ts';

const routes: readonly Route[] = [...servedRoutes, ...declinedRoutes];
const find = createRouter(routes);

function found(method: string, path: string): unknown {
  const match = find(method, path);
  return match === undefined ? undefined : [match.route.name, match.target];
}

test('names with slashes go to the longest suffix that matches', () => {
  assert.deepEqual(found('GET', '/images/json'), ['imageList', '']);
  assert.deepEqual(found('GET', '/images/json/json'), ['imageInspect', 'json']);
  assert.deepEqual(found('GET', '/images/a/history/b/json'), ['imageInspect', 'a/history/b']);
  assert.deepEqual(found('DELETE', '/images/reg:5000/a/b:c'), ['imageDelete', 'reg:5000/a/b:c']);
  assert.deepEqual(found('DELETE', '/images/json'), ['imageDelete', 'json']);
  assert.deepEqual(found('GET', '/containers/a/attach/ws'), ['containerAttachWebsocket', 'a']);
  assert.deepEqual(found('POST', '/containers/create/start'), ['containerStart', 'create']);
  assert.deepEqual(found('DELETE', '/containers/a/checkpoints/b'), ['checkpointDelete', 'a']);
  assert.equal(found('GET', '/images//json'), undefined);
  assert.equal(found('DELETE', '/containers/a/b'), undefined);
});

test('every route is found by its own path, with any name in it', () => {
  const segment = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.:@-]{0,12}$/);
  const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const fixed = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  fc.assert(
    fc.property(fc.constantFrom(...routes), name, segment, (route, long, short) => {
      const path = route.path.replace(/\{\w+\.\.\.\}/, long).replaceAll(/\{\w+\}/g, short);
      fc.pre(path === route.path || !fixed.has(`${route.method} ${path}`));
      assert.equal(find(route.method, path)?.route.method, route.method);
      if (!/\/(json|history|get|tag|push|enable|disable|upgrade|set)$/.test(long)) {
        assert.equal(find(route.method, path)?.route.name, route.name);
      }
    }),
  );
});
