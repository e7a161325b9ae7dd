import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { digestOf, hexOf, parseReference } from '../oci/index.ts';
import { compileGlob } from './glob.ts';
import { openImages } from './images.ts';
import type { Images } from './images.ts';
import { findImage, referencesOf } from './lookup.ts';
import { planRemoval } from './remove.ts';
import { full, idOf, imageOf, memoryRecords, stateOf } from './testImages.ts';
import type { ImageSketch } from './testImages.ts';
import { history, inspect, list } from './views.ts';

const index = digestOf('index');

function open(): Images {
  let nowNs = 0n;
  return openImages({ records: memoryRecords(), clock: () => (nowNs += 1_000_000_000n) });
}

function names(images: Images, image: string): string[] {
  return referencesOf(images, idOf(image)).map(({ repository, tag, digest }) => `${repository}:${tag ?? digest}`);
}

describe('Images', () => {
  it('adds an image under its tag and its registry’s digest', () => {
    const images = open();
    const { image, previous } = images.add(imageOf('a'), { reference: parseReference('alpine'), repoDigest: index });
    assert.equal(previous, undefined);
    assert.deepEqual(names(images, 'a'), ['library/alpine:latest', `library/alpine:${index}`]);
    assert.equal(image.createdAt, '1970-01-01T00:00:01Z');
    assert.equal(image.lastTagTime, '1970-01-01T00:00:02Z');
    assert.equal(images.find('alpine'), image);
    assert.equal(images.find(`alpine@${index}`), image);
  });

  it('moves a tag and says from which image', () => {
    const images = open();
    images.add(imageOf('a'), { reference: parseReference('x') });
    const { previous } = images.add(imageOf('b'), { reference: parseReference('x') });
    assert.equal(previous, idOf('a'));
    assert.equal(images.find('x').id, idOf('b'));
    assert.deepEqual(names(images, 'a'), []);
    assert.ok(images.images.has(idOf('a')));
  });

  it('keeps the times of an image that comes again, and gives no tag to one pulled by digest', () => {
    const images = open();
    const first = images.add(imageOf('a'), { reference: parseReference('x') }).image;
    assert.deepEqual(images.add(imageOf('a'), { reference: parseReference(`x@${index}`) }).image, first);
    assert.deepEqual(names(images, 'a'), ['library/x:latest', `library/x:${index}`]);
  });

  it('tags and untags', () => {
    const images = open();
    images.add(imageOf('a'));
    images.tag(idOf('a'), parseReference('r.example/b:1'));
    assert.deepEqual(names(images, 'a'), ['b:1']);
    images.untag(parseReference('r.example/b:1'));
    assert.deepEqual(names(images, 'a'), []);
    assert.throws(() => images.tag(idOf('a'), parseReference(`b@${index}`)), { kind: 'invalid' });
    assert.throws(() => images.tag(idOf('nope'), parseReference('b')), { kind: 'notFound' });
  });

  it('carries out a removal', () => {
    const images = open();
    images.add(imageOf('a'), { reference: parseReference('x'), repoDigest: index });
    images.apply(planRemoval(images, 'x', { force: false, noPrune: false, usedBy: [] }));
    assert.equal(images.images.size + images.references.size, 0);
  });
});

describe('findImage', () => {
  const hex = hexOf(idOf('a'));
  const state = stateOf({ a: { tags: ['alpine:3', `alpine@${index}`, hex.slice(0, 5)] }, b: {}, c: {} });

  for (const text of ['alpine:3', full('alpine:3'), `alpine@${index}`, `alpine:9@${index}`, hex, hex.slice(0, 12)])
    it(`finds ${text.slice(0, 30)}`, () => assert.equal(findImage(state, text).id, idOf('a')));

  it('finds ids with their algorithm', () => {
    assert.equal(findImage(state, idOf('a')).id, idOf('a'));
    assert.equal(findImage(state, `sha256:${hex.slice(0, 12)}`).id, idOf('a'));
  });

  it('prefers a name to the beginning of an id', () => {
    const name = hexOf(idOf('b')).slice(0, 6);
    const state = stateOf({ a: { tags: [name] }, b: {} });
    assert.equal(findImage(state, name).id, idOf('a'));
  });

  for (const [text, message] of [
    ['alpine', 'No such image: alpine:latest'],
    ['r.example/x@' + index, `No such image: r.example/x@${index}`],
    ['0'.repeat(64), `No such image: sha256:${'0'.repeat(64)}`],
  ] as const)
    it(`says ${message.slice(0, 40)}`, () =>
      assert.throws(() => findImage(state, text), { kind: 'notFound', message }));

  it('hints at an ambiguous id', () => {
    const many = stateOf(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`${index}`, {}])));
    const counts = Map.groupBy(many.images.values(), ({ id }) => hexOf(id).slice(0, 1));
    const [prefix] = [...counts].find(([, images]) => images.length > 1) ?? [];
    assert.ok(prefix !== undefined);
    assert.throws(() => findImage(many, prefix), {
      kind: 'notFound',
      message: `No such image: ${prefix}:latest`,
      hint: `Several images' ids begin with ${prefix}: give more digits.`,
    });
  });
});

describe('list', () => {
  const sketches: Readonly<Record<string, ImageSketch>> = {
    base: { tags: ['base:1', 'team/base:2', `base@${index}`], created: '2024-01-01T00:00:00Z' },
    hidden: { created: '2024-01-02T00:00:00Z' },
    top: { tags: ['top'], parent: 'hidden', created: '2024-01-03T00:00:00Z', config: { Labels: { a: 'b' } } },
    dangling: { created: '2024-01-04T00:00:00Z' },
  };

  function listed(filters: Readonly<Record<string, string>>, all = false): string[] {
    const map = new Map(Object.entries(filters).map(([key, value]) => [key, new Set([value])]));
    const nowNs = BigInt(Date.parse('2024-01-05T00:00:00Z')) * 1_000_000n;
    const shown = list(stateOf(sketches), map, { all, nowNs });
    return shown.map(({ Id }) => Object.keys(sketches).find((name) => idOf(name) === Id) ?? '');
  }

  for (const [filters, expected] of [
    [{}, ['dangling', 'top', 'base']],
    [{ dangling: 'true' }, ['dangling']],
    [{ dangling: 'false' }, ['top', 'base']],
    [{ label: 'a=b' }, ['top']],
    [{ before: 'top' }, ['base']],
    [{ since: 'base:1' }, ['dangling', 'top']],
    [{ until: '36h' }, ['top', 'base']],
    [{ reference: 'base' }, ['base']],
    [{ reference: '*/base' }, ['base']],
    [{ reference: 't*:late?t' }, ['top']],
    [{ reference: 'team' }, []],
  ] as const)
    it(`shows ${expected.join(', ') || 'nothing'} for ${JSON.stringify(filters)}`, () =>
      assert.deepEqual(listed(filters as Readonly<Record<string, string>>), expected));

  it('shows intermediate images with all', () => {
    assert.deepEqual(listed({}, true), ['dangling', 'top', 'hidden', 'base']);
  });

  it('shows only the names that match, in the shape of the wire', () => {
    const [shown] = list(stateOf(sketches), new Map([['reference', new Set(['team/*'])]]), { all: false, nowNs: 0n });
    assert.deepEqual(shown, {
      Containers: -1,
      Created: 1704067200,
      Id: idOf('base'),
      Labels: null,
      ParentId: '',
      RepoDigests: [],
      RepoTags: ['team/base:2'],
      SharedSize: -1,
      Size: 100,
    });
  });

  it('refuses unknown filters and unknown images', () => {
    assert.throws(() => listed({ 'label!': 'a' }), { kind: 'invalid', message: "invalid filter 'label!'" });
    assert.throws(() => listed({ before: 'nope' }), { kind: 'notFound', message: 'No such image: nope:latest' });
  });
});

describe('inspect', () => {
  it('has the shape of the wire, without what is empty in the configuration', () => {
    const state = stateOf({
      a: { tags: ['b', 'r.example/a:1', `b@${index}`], config: { Env: ['A=b'], Cmd: [], User: '', Labels: null } },
    });
    const image = findImage(state, 'b');
    assert.deepEqual(
      JSON.parse(JSON.stringify(inspect(state, image, { name: 'overlay2', data: { UpperDir: '/u' } }))),
      {
        Id: idOf('a'),
        RepoTags: ['b:latest', 'r.example/a:1'],
        RepoDigests: [`b@${index}`],
        Parent: '',
        Comment: '',
        Created: '2024-01-01T00:00:00Z',
        DockerVersion: '',
        Author: '',
        Config: { Env: ['A=b'] },
        Architecture: 'amd64',
        Os: 'linux',
        Size: 100,
        GraphDriver: { Data: { UpperDir: '/u' }, Name: 'overlay2' },
        RootFS: { Type: 'layers', Layers: image.config.rootfs.diff_ids },
        Metadata: { LastTagTime: '0001-01-01T00:00:00Z' },
      },
    );
  });
});

describe('history', () => {
  it('goes from the newest step down, over parents as far as they are known', () => {
    const steps = [
      { created: '2024-01-01T00:00:00Z', created_by: 'ADD rootfs', comment: 'kit' },
      { created: '2024-01-01T00:00:00Z', created_by: 'CMD ["sh"]', empty_layer: true },
      { created: '2024-01-02T00:00:00Z', created_by: 'sh' },
    ];
    const state = stateOf({
      base: { tags: ['base'], history: steps.slice(0, 2) },
      top: { parent: 'base', layers: ['base', 'top'], history: steps },
    });
    assert.deepEqual(history(state, findImage(state, idOf('top'))), [
      { Comment: '', Created: 1704153600, CreatedBy: 'sh', Id: idOf('top'), Size: 100, Tags: null },
      { Comment: '', Created: 1704067200, CreatedBy: 'CMD ["sh"]', Id: idOf('base'), Size: 0, Tags: ['base:latest'] },
      { Comment: 'kit', Created: 1704067200, CreatedBy: 'ADD rootfs', Id: '<missing>', Size: 100, Tags: null },
    ]);
  });
});

describe('compileGlob', () => {
  for (const [pattern, text, expected] of [
    ['*', 'abc', true],
    ['*', 'a/c', false],
    ['a*/b', 'abc/b', true],
    ['a*b*c/d', 'axbxbxc/d', true],
    ['a*c', 'a/c', false],
    ['a?c', 'a/c', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['\\*', '*', true],
    ['[\\]]', ']', true],
    ['', '', true],
    ['*a*a*a*a*a*a*b', 'a'.repeat(200), false],
  ] as const)
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${text.slice(0, 12)}`, () =>
      assert.equal(compileGlob(pattern)(text), expected));

  for (const pattern of ['[', '[a', '[]a]', '[-x]', '[a-]', 'a\\'])
    it(`refuses ${pattern}`, () => assert.throws(() => compileGlob(pattern), { message: 'syntax error in pattern' }));
});
