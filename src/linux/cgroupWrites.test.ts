import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { writeCgroup } from './cgroupWrites.ts';

let root: string;
const file = (name: string): string => join(root, name);
const textOf = (name: string): string => readFileSync(file(name), 'utf8');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gantry-writes-'));
  writeFileSync(file('limit'), '100\n');
  writeFileSync(file('devices'), '7:0 5\n8:0 9\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('writeCgroup', () => {
  it('writes in order, and takes back what it was', async () => {
    const takeBack = await writeCgroup([
      { file: file('limit'), value: '-1' },
      { file: file('limit'), value: '250' },
    ]);
    assert.equal(textOf('limit'), '250\n');
    await takeBack();
    assert.equal(textOf('limit'), '100\n');
  });

  it('takes all back when one is refused', async () => {
    const refused = writeCgroup([
      { file: file('limit'), value: '200' },
      { file: file('absent'), value: '1' },
    ]);
    await assert.rejects(
      refused,
      (error) => isKind(error, 'internal') && /no such file or directory/.test(error.message),
    );
    assert.equal(textOf('limit'), '100\n');
  });

  it('takes back what it can', async () => {
    writeFileSync(file('other'), '7\n');
    const takeBack = await writeCgroup([
      { file: file('limit'), value: '200' },
      { file: file('other'), value: '8' },
    ]);
    rmSync(file('other'));
    await assert.rejects(takeBack(), /no such file or directory/);
    assert.equal(textOf('limit'), '100\n');
  });

  it('restores the line of a device, or that it had none', async () => {
    const written: [key: string, restored: string][] = [
      ['8:0', '8:0 9\n'],
      ['9:0', '9:0 0\n'],
    ];
    for (const [key, restored] of written) {
      writeFileSync(file('devices'), '7:0 5\n8:0 9\n');
      const takeBack = await writeCgroup([
        { file: file('devices'), value: `${key} 44`, device: { key, unlimited: `${key} 0` } },
      ]);
      assert.equal(textOf('devices'), `${key} 44\n`);
      await takeBack();
      assert.equal(textOf('devices'), restored);
    }
  });
});
