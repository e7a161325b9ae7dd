import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { GantryError } from '../base/index.ts';
import { digestOf, hexOf } from '../oci/index.ts';
import { blobsOf, garbageBlobs, garbageSnapshots } from './needs.ts';
import { planPrune } from './prune.ts';
import { planRemoval } from './remove.ts';
import { idOf, imageOf, layerOf, stateOf } from './testImages.ts';
import type { ImageSketch } from './testImages.ts';
import type { ImageUser } from './types.ts';

const pin = `@${digestOf('index')}`;
const running: ImageUser = { containerId: 'c'.repeat(64), imageId: idOf('a'), running: true };
const stopped: ImageUser = { ...running, running: false };
const short = hexOf(idOf('a')).slice(0, 12);
const container = 'c'.repeat(12);

type Sketches = Readonly<Record<string, ImageSketch>>;

function chain(name: string, ...layers: string[]): string {
  return imageOf(name, { layers }).chainIds.at(-1) ?? '';
}

function remove(
  sketches: Sketches,
  text: string,
  { force = false, noPrune = false, usedBy = [] as ImageUser[] } = {},
): string[] {
  try {
    const { items } = planRemoval(stateOf(sketches), text, { force, noPrune, usedBy });
    return items.map((item) => ('Untagged' in item ? `Untagged: ${item.Untagged}` : `Deleted: ${item.Deleted}`));
  } catch (error) {
    return [(error as Error).message];
  }
}

const deleted = [`Deleted: ${idOf('a')}`, `Deleted: ${chain('a', 'a')}`];

describe('planRemoval', () => {
  const cases: readonly (readonly [
    what: string,
    sketch: ImageSketch,
    text: string,
    options: { force?: boolean; usedBy?: ImageUser[] },
    expected: string[],
  ])[] = [
    [
      'the last name takes the image along',
      { tags: ['alpine'] },
      'alpine',
      {},
      ['Untagged: alpine:latest', ...deleted],
    ],
    [
      'the last tag takes its repository’s digests along',
      { tags: ['alpine:3', `alpine${pin}`] },
      'alpine:3',
      {},
      ['Untagged: alpine:3', `Untagged: alpine${pin}`, ...deleted],
    ],
    ['one of two names is only untagged', { tags: ['alpine', 'b:1'] }, 'b:1', {}, ['Untagged: b:1']],
    [
      'a digest stays while its repository has another tag',
      { tags: ['alpine:3', 'alpine:4', `alpine${pin}`] },
      'alpine:3',
      {},
      ['Untagged: alpine:3'],
    ],
    [
      'a digest of another repository keeps the image',
      { tags: ['alpine', `r.example/b${pin}`] },
      'alpine',
      {},
      ['Untagged: alpine:latest'],
    ],
    ['an id takes the only name along', { tags: ['alpine'] }, short, {}, ['Untagged: alpine:latest', ...deleted]],
    [
      'an id with several repositories needs force',
      { tags: ['alpine', 'b'] },
      short,
      {},
      [`conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`],
    ],
    [
      'an id with force takes all names along',
      { tags: ['alpine', 'b'] },
      idOf('a'),
      { force: true },
      ['Untagged: alpine:latest', 'Untagged: b:latest', ...deleted],
    ],
    [
      'the only name of an image in use needs force',
      { tags: ['alpine', `alpine${pin}`] },
      'alpine',
      { usedBy: [stopped] },
      [
        `conflict: unable to remove repository reference "alpine" (must force) - container ${container} is using its referenced image ${short}`,
      ],
    ],
    [
      'one of several names of an image in use goes',
      { tags: ['alpine', 'b'] },
      'b',
      { usedBy: [running] },
      ['Untagged: b:latest'],
    ],
    [
      'by name, force untags below a running container',
      { tags: ['alpine'] },
      'alpine',
      { force: true, usedBy: [running] },
      ['Untagged: alpine:latest'],
    ],
    [
      'by id, force does not help against a running container',
      { tags: ['alpine'] },
      short,
      { force: true, usedBy: [running] },
      [
        `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container ${container}`,
      ],
    ],
    [
      'by id, a stopped container needs force',
      {},
      short,
      { usedBy: [stopped] },
      [`conflict: unable to delete ${short} (must be forced) - image is being used by stopped container ${container}`],
    ],
    [
      'with force a stopped container keeps its layers',
      { tags: ['alpine'] },
      short,
      { force: true, usedBy: [stopped] },
      ['Untagged: alpine:latest', `Deleted: ${idOf('a')}`],
    ],
    ['an unknown name', {}, 'nope', {}, ['No such image: nope:latest']],
    [
      'a malformed name',
      {},
      'Nope',
      {},
      ['invalid reference format: repository name (library/Nope) must be lowercase'],
    ],
  ];
  for (const [what, sketch, text, options, expected] of cases)
    it(what, () => assert.deepEqual(remove({ a: sketch }, text, options), expected));

  it('deletes layers from the top down to the first that another image needs', () => {
    const state = stateOf({ a: { tags: ['a'], layers: ['base', 'one', 'two'] }, b: { tags: ['b'], layers: ['base'] } });
    const plan = planRemoval(state, 'a', { force: false, noPrune: false, usedBy: [] });
    assert.deepEqual(plan.chainIds, [chain('a', 'base', 'one', 'two'), chain('a', 'base', 'one')]);
    assert.deepEqual(new Set(plan.blobs), new Set([digestOf('manifest a'), idOf('a'), layerOf('one'), layerOf('two')]));
    assert.equal(plan.reclaimedBytes, 200);
    assert.deepEqual(
      plan.events.map(({ action }) => action),
      ['untag', 'delete'],
    );
  });

  it('refuses to delete an image that others are built on', () => {
    const sketches = { a: {}, child: { parent: 'a', tags: ['child'] } };
    const text = `conflict: unable to delete ${short} (cannot be forced) - image has dependent child images`;
    assert.deepEqual(remove(sketches, short, { force: true }), [text]);
  });

  it('goes on to untagged parents, unless told not to or somebody uses them', () => {
    const sketches = { a: { layers: ['a'] }, child: { parent: 'a', tags: ['child'], layers: ['a', 'b'] } };
    const own = ['Untagged: child:latest', `Deleted: ${idOf('child')}`, `Deleted: ${chain('child', 'a', 'b')}`];
    assert.deepEqual(remove(sketches, 'child'), [...own, ...deleted]);
    assert.deepEqual(remove(sketches, 'child', { noPrune: true }), own);
    assert.deepEqual(remove(sketches, 'child', { usedBy: [stopped] }), own);
  });
});

describe('any removal', () => {
  const layers = fc.subarray(['x', 'y', 'z']);
  const tags = fc.subarray(['r:1', 'r:2', 's:1', `r${pin}`, `t${pin}`]);
  const sketch = fc.record({ layers, tags, parent: fc.constantFrom(undefined, 'a', 'b') });
  const user = fc.record({
    containerId: fc.constantFrom('c'.repeat(64), 'd'.repeat(64)),
    imageId: fc.constantFrom('a', 'b', 'c').map(idOf),
    running: fc.boolean(),
  });
  const text = fc.constantFrom('r:1', 's:1', `t${pin}`, idOf('a'), idOf('b'), short);

  it('never takes what a remaining image or a container needs', () => {
    let removals = 0;
    const property = fc.property(
      sketch,
      sketch,
      sketch,
      fc.array(user, { maxLength: 2 }),
      text,
      fc.boolean(),
      (...given) => {
        const [a, b, c, usedBy, text, force] = given;
        const state = stateOf({ a: { ...a, parent: undefined }, b: { ...b, parent: a.parent }, c });
        const all = [...state.images.values()];
        try {
          const plan = planRemoval(state, text, { force, noPrune: false, usedBy });
          const kept = all.filter(({ id }) => !plan.images.includes(id));
          const held = all.filter(({ id }) => usedBy.some(({ imageId }) => imageId === id));
          for (const image of kept)
            assert.deepEqual(
              blobsOf(image).filter((digest) => plan.blobs.includes(digest)),
              [],
            );
          for (const image of [...kept, ...held])
            assert.deepEqual(
              image.chainIds.filter((chainId) => plan.chainIds.includes(chainId)),
              [],
            );
          for (const { id } of held.filter(({ id }) => usedBy.some((user) => user.running && user.imageId === id)))
            assert.ok(!plan.images.includes(id), 'a running container keeps its image');
          for (const image of kept) assert.ok(!plan.images.includes(image.parentId ?? idOf('none')));
          for (const [key, { imageId }] of state.references.entries())
            if (plan.images.includes(imageId)) assert.ok(plan.references.includes(key));
          assert.equal(new Set(plan.chainIds).size, plan.chainIds.length);
          removals += plan.images.length;
        } catch (error) {
          if (!(error instanceof GantryError)) throw error;
        }
      },
    );
    fc.assert(property, { numRuns: 1000 });
    assert.ok(removals > 100, 'most runs must have removed something');
  });
});

describe('planPrune', () => {
  const sketches: Sketches = {
    a: { tags: ['a'], created: '2024-01-01T00:00:00Z' },
    dangling: { created: '2024-01-01T00:00:00Z', config: { Labels: { keep: 'yes' } } },
    moved: { tags: [`m${pin}`], created: '2024-03-01T00:00:00Z' },
  };

  function pruned(filters: Readonly<Record<string, string>>, usedBy: ImageUser[] = []): string[] {
    const map = new Map(Object.entries(filters).map(([key, value]) => [key, new Set([value])]));
    const nowNs = BigInt(Date.parse('2024-03-02T00:00:00Z')) * 1_000_000n;
    const { images } = planPrune(stateOf(sketches), map, { usedBy, nowNs });
    return Object.keys(sketches).filter((name) => images.includes(idOf(name)));
  }

  for (const [filters, expected] of [
    [{}, ['dangling', 'moved']],
    [{ dangling: 'true' }, ['dangling', 'moved']],
    [{ dangling: 'false' }, ['a', 'dangling', 'moved']],
    [{ label: 'keep' }, ['dangling']],
    [{ label: 'keep=no' }, []],
    [{ 'label!': 'keep=yes', dangling: '0' }, ['a', 'moved']],
    [{ until: '48h' }, ['dangling']],
    [{ until: '2023-12-31T00:00:00Z' }, []],
  ] as const)
    it(`by ${JSON.stringify(filters)} removes ${expected.join(', ') || 'nothing'}`, () =>
      assert.deepEqual(pruned(filters as Readonly<Record<string, string>>), expected));

  it('leaves what containers use', () => {
    assert.deepEqual(pruned({ dangling: 'false' }, [stopped]), ['dangling', 'moved']);
  });

  it('refuses filters that it does not know', () => {
    assert.throws(() => pruned({ colour: 'red' }), { kind: 'invalid', message: "invalid filter 'colour'" });
    assert.throws(() => pruned({ dangling: 'x' }), { kind: 'invalid', message: "invalid filter 'dangling=[x]'" });
  });
});

describe('garbage', () => {
  it('is what neither images nor other snapshots need, children first', () => {
    const state = stateOf({ a: { layers: ['base'] } });
    const base = chain('a', 'base');
    const snapshots = [
      { key: base, kind: 'committed', parent: undefined },
      { key: 'left', kind: 'committed', parent: base },
      { key: 'over', kind: 'committed', parent: 'left' },
      { key: 'container', kind: 'active', parent: 'used' },
      { key: 'used', kind: 'committed', parent: undefined },
      { key: 'pulling', kind: 'committed', parent: undefined },
    ] as const;
    assert.deepEqual(garbageSnapshots(state, snapshots, new Set(['pulling'])), ['over', 'left']);
    const present = [{ digest: layerOf('base') }, { digest: layerOf('x') }, { digest: layerOf('held') }];
    assert.deepEqual(garbageBlobs(state, present, new Set([layerOf('held')])), [layerOf('x')]);
  });
});
