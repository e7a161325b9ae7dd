import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { contentContract } from '../../test/contract/content.ts';
import { silentLogger } from '../base/index.ts';
import { digestOf } from '../oci/index.ts';
import { openContentStore } from './fileContent.ts';
import { dataPaths } from './paths.ts';

function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-content-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

contentContract('the file store', (t) => {
  const dir = temporary(t);
  const reopen = (): ReturnType<typeof openContentStore> => openContentStore(dir, silentLogger);
  return { store: reopen(), reopen };
});

test('a partial file that is longer than the blob is begun anew, an old one is dropped', async (t) => {
  const dir = temporary(t);
  const paths = dataPaths(dir);
  const store = openContentStore(dir, silentLogger);
  const digest = digestOf('hello');
  writeFileSync(paths.ingest(digest), 'hello world');
  const writer = (await store.writer({ digest, size: 5 }))!;
  assert.equal(writer.offsetBytes, 0);
  await writer.write(Buffer.from('hell'));
  await writer.abort();
  writeFileSync(join(paths.content.ingests, 'put-1'), 'left by a crash');
  openContentStore(dir, silentLogger);
  assert.deepEqual(readdirSync(paths.content.ingests), [digest.slice(7)]);
  utimesSync(paths.ingest(digest), 1, 1);
  openContentStore(dir, silentLogger);
  assert.equal(existsSync(paths.ingest(digest)), false);
});
