import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GantryError } from '../base/index.ts';
import { compileContainerFilters, type FilterableContainer, type FilterLookups } from './index.ts';

const web: FilterableContainer = {
  id: 'abc'.padEnd(64, '1'),
  name: 'web-1',
  labels: { tier: 'front', empty: '' },
  state: 'running',
  health: 'healthy',
  exitCode: undefined,
  imageId: 'sha256:one',
  createdAtMs: 2000,
  mounts: [{ name: 'data', destination: '/var/lib' }],
  networks: [{ id: 'feed'.padEnd(64, '0'), name: 'bridge' }],
  ports: [
    { publicPort: 8080, privatePort: 80, protocol: 'tcp' },
    { publicPort: undefined, privatePort: 53, protocol: 'udp' },
  ],
};
const db: FilterableContainer = { ...web, name: 'db', state: 'exited', exitCode: 3, createdAtMs: 3000, ports: [] };

const lookups: FilterLookups = {
  createdAtMs: (ref) => {
    if (ref === 'web-1') return 2000;
    throw new GantryError('notFound', `No such container: ${ref}`);
  },
  imagesFrom: (ref) => new Set(ref === 'alpine' ? ['sha256:one'] : []),
};

function compile(filters: Record<string, string[]>) {
  return compileContainerFilters(
    new Map(Object.entries(filters).map(([key, values]) => [key, new Set(values)])),
    lookups,
  );
}

test('each filter of ps looks at its part', () => {
  const cases: [Record<string, string[]>, boolean, boolean][] = [
    [{}, true, true],
    [{ id: ['abc'] }, true, true],
    [{ id: ['^abcx'] }, false, false],
    [{ name: ['eb'] }, true, false],
    [{ name: ['^/?(web|x)-[0-9]$'] }, true, false],
    [{ name: ['^db$', 'web'] }, true, true],
    [{ name: ['[', '(a+)+'] }, false, false],
    [{ label: ['tier', 'tier=front', 'empty='] }, true, true],
    [{ label: ['tier=front', 'tier=back'] }, false, false],
    [{ label: ['constructor'] }, false, false],
    [{ exited: ['0', '3'] }, false, true],
    [{ status: ['running', 'paused'] }, true, false],
    [{ health: ['healthy'] }, true, true],
    [{ ancestor: ['alpine'] }, true, true],
    [{ ancestor: ['other'] }, false, false],
    [{ before: ['web-1'] }, false, false],
    [{ since: ['web-1'] }, false, true],
    [{ volume: ['/var/lib'] }, true, true],
    [{ volume: ['nosuch'] }, false, false],
    [{ network: ['feed'] }, true, true],
    [{ network: ['host'] }, false, false],
    [{ publish: ['8000-9000/tcp'] }, true, false],
    [{ publish: ['80'] }, false, false],
    [{ expose: ['53/udp'] }, true, false],
    [{ 'is-task': ['true'] }, false, false],
    [{ 'is-task': ['0'] }, true, true],
    [{ name: ['web'], status: ['exited'] }, false, false],
  ];
  for (const [filters, matchesWeb, matchesDb] of cases) {
    const matcher = compile(filters);
    const text = JSON.stringify(filters);
    assert.equal(matcher.matches(web), matchesWeb, `${text} on web`);
    assert.equal(matcher.matches(db), matchesDb, `${text} on db`);
  }
});

test('a filter on the state implies all', () => {
  assert.equal(compile({ status: ['exited'] }).impliesAll, true);
  assert.equal(compile({ name: ['web'] }).impliesAll, false);
});

test('unknown keys and values are refused in words that Docker uses', () => {
  const cases: [Record<string, string[]>, string][] = [
    [{ colour: ['red'] }, "invalid filter 'colour'"],
    [{ constructor: ['x'] }, "invalid filter 'constructor'"],
    [{ status: ['foo'] }, "invalid filter 'status=foo'"],
    [{ health: ['fine'] }, "invalid filter 'health=fine'"],
    [{ exited: ['x'] }, "invalid filter 'exited=x'"],
    [{ publish: ['70000'] }, "invalid filter 'publish=70000'"],
    [{ expose: ['9-1'] }, "invalid filter 'expose=9-1'"],
    [{ 'is-task': ['maybe'] }, "invalid filter 'is-task=[maybe]'"],
  ];
  for (const [filters, message] of cases) assert.throws(() => compile(filters), { kind: 'invalid', message });
  assert.throws(() => compile({ since: ['gone'] }), { kind: 'notFound' });
});

test('a hostile expression does not keep the daemon busy', () => {
  const pattern = `${'.*'.repeat(100)}x`;
  assert.equal(compile({ name: [pattern] }).matches({ ...web, name: 'a'.repeat(5000) }), false);
});
