/** Layers of random entries with hostile names and links: they are unpacked or refused, and touch nothing outside. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { isKind, packTar, type PackEntry } from '../../src/base/index.ts';
import { kernelMounter } from '../../src/linux/index.ts';
import { digestOf } from '../../src/oci/index.ts';
import { unpackLayer } from '../../src/store/unpack/unpackLayer.ts';
import { readTree } from '../contract/tree.ts';

const dir = mkdtempSync(join(tmpdir(), 'gantry-hostile-'));
const outside = join(dir, 'outside');

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 2, arbitrary: fc.constantFrom('.', '..', '', '.wh.a', '.wh.b', '.wh..wh..opq', '.wh..', '.wh..wh.x') },
);
const path = fc.oneof(
  { weight: 9, arbitrary: fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(outside, `${'../'.repeat(12)}${outside}/file`, `${outside}/file`, '/', '../..'),
  },
);
const entry: fc.Arbitrary<PackEntry> = fc.record({
  path: fc.oneof(
    path,
    path.map((text) => `${text}/`),
  ),
  type: fc.constantFrom('file', 'directory', 'directory', 'symlink', 'symlink', 'hardlink', 'fifo', 'characterDevice'),
  content: fc.constantFrom('', 'content'),
  linkPath: path,
  mode: fc.constantFrom(0o755, 0o644, 0o6777, 0),
});
const layer = fc.array(entry, { minLength: 1, maxLength: 12 });

/** Directories for one run: an upper and two lower ones. */
function makeRoots(): { upper: string; lowers: string[]; work: string; target: string; run: string } {
  const run = mkdtempSync(join(dir, 'run-'));
  const at = (text: string): string => join(run, text);
  for (const each of ['first', 'second', 'third', 'work', 'target']) mkdirSync(at(each));
  return { run, upper: at('third'), lowers: [at('second'), at('first')], work: at('work'), target: at('target') };
}

/** Whether the layer was unpacked; false when it was refused as invalid. Anything else fails the test. */
async function tryUnpack(upper: string, lowers: string[], entries: PackEntry[]): Promise<boolean> {
  const archive = packTar(entries.map((each) => (each.type === 'file' ? each : { ...each, content: '' })));
  const blob = `${upper}.tar`;
  writeFileSync(blob, archive);
  const job = { path: blob, diffId: digestOf(archive), limitBytes: 1_000_000, upper, lowers };
  try {
    await unpackLayer(job, new AbortController().signal);
    return true;
  } catch (error) {
    assert.ok(isKind(error, 'invalid'), error instanceof Error ? error.stack : String(error));
    return false;
  }
}

test('whatever three layers hold, nothing outside of their directories changes', async (t) => {
  t.after(async () => {
    for (const point of kernelMounter.mountsUnder(dir)) await kernelMounter.unmount(point, { lazy: true });
    rmSync(dir, { recursive: true, force: true });
  });
  mkdirSync(outside);
  for (const file of ['file', 'a', 'b']) writeFileSync(join(outside, file), 'untouched');
  const before = readTree(outside);
  let unpacked = 0;
  const property = fc.asyncProperty(layer, layer, layer, async (first, second, third) => {
    const { run, upper, lowers, work, target } = makeRoots();
    const [middle = '', bottom = ''] = lowers;
    await tryUnpack(bottom, [], first);
    await tryUnpack(middle, [bottom], second);
    const isUnpacked = await tryUnpack(upper, lowers, third);
    assert.deepEqual(readTree(outside), before);
    if (isUnpacked) {
      unpacked++;
      const options = [`lowerdir=${lowers.join(':')}`, `upperdir=${upper}`, `workdir=${work}`];
      kernelMounter.mount({ type: 'overlay', source: 'overlay', flags: [], options }, target);
      readTree(target);
      await kernelMounter.unmount(target);
    }
    rmSync(run, { recursive: true });
  });
  await fc.assert(property, { numRuns: 300 });
  assert.ok(unpacked > 20, `only ${unpacked} layers were fit to be unpacked`);
});
