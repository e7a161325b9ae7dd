import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { spillFiles } from './index.ts';

test('files have no name, are apart from each other, and what a crash left is removed', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-spills-'));
  t.after(() => rmSync(root, { recursive: true }));
  const dir = join(root, 'spills');
  spillFiles(dir);
  writeFileSync(join(dir, '0'), 'left');
  const openSpill = spillFiles(dir, 0);
  const [one, two] = [await openSpill(), await openSpill()];
  assert.deepEqual(readdirSync(dir), []);
  await one.write(Buffer.from('one'), 0);
  await two.write(Buffer.from('two'), 4);
  await one.write(Buffer.from('!'), 1);
  assert.equal(Buffer.from(await one.read(0, 3)).toString(), 'o!e');
  assert.equal(Buffer.from(await two.read(4, 3)).toString(), 'two');
  await assert.rejects(two.read(4, 4), /ends at byte 7/);
  await Promise.all([one.close(), two.close()]);
  await assert.rejects(spillFiles(dir, Infinity)(), /only \d+ bytes are free/);
});
