import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';

import * as fc from 'fast-check';

import { isKind } from '../base/index.ts';
import type { RecordDatabase } from './records.ts';
import { openRecords } from './sqliteRecords.ts';

function fixture(t: TestContext): { path: string; open: () => RecordDatabase } {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-records-'));
  const opened: RecordDatabase[] = [];
  t.after(() => {
    for (const records of opened) records.close();
    rmSync(dir, { recursive: true });
  });
  const path = join(dir, 'metadata.db');
  return {
    path,
    open: () => {
      for (const records of opened.splice(0)) records.close();
      opened.push(openRecords(path));
      return opened[0]!;
    },
  };
}

test('records survive a reopening, in the order in which they came', (t) => {
  const { open } = fixture(t);
  const first = open().collection<{ n: number }>('things');
  for (const [n, key] of ['z', 'a', 'm'].entries()) first.put(key, { n });
  first.put('z', { n: 9 });
  first.delete('m');
  const again = open().collection<{ n: number }>('things');
  assert.deepEqual(Array.from(again.entries()), [
    ['z', { n: 9 }],
    ['a', { n: 1 }],
  ]);
  assert.deepEqual([again.size, again.has('m'), again.get('a')], [2, false, { n: 1 }]);
});

test('a transaction that throws leaves memory and file as they were; an inner one only its own part', (t) => {
  const { open } = fixture(t);
  const records = open();
  const things = records.collection<number>('things');
  things.put('kept', 1);
  const failing = (): never =>
    records.transaction(() => {
      things.put('kept', 2);
      things.put('new', 3);
      things.delete('kept');
      throw new Error('no');
    });
  assert.throws(failing, /^Error: no$/);
  assert.deepEqual(Array.from(things.entries()), [['kept', 1]]);
  records.transaction(() => {
    things.put('outer', 4);
    assert.throws(failing);
  });
  assert.throws(() => records.transaction(async () => {}), /asynchronous/);
  const expected = [
    ['kept', 1],
    ['outer', 4],
  ];
  assert.deepEqual(Array.from(things.entries()), expected);
  assert.deepEqual(Array.from(open().collection('things').entries()), expected);
});

test('memory and file always agree, whatever is done in whatever nesting', (t) => {
  const { open } = fixture(t);
  const change = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.jsonValue(), { nil: undefined }),
  });
  const block = fc.record({
    changes: fc.array(change),
    fails: fc.boolean(),
    inner: fc.array(change),
    innerFails: fc.boolean(),
  });
  const property = fc.property(fc.array(block, { maxLength: 8 }), (blocks) => {
    const records = open();
    const things = records.collection<unknown>('things');
    const apply = (changes: { key: string; value?: unknown }[]): void => {
      for (const { key, value } of changes)
        if (value === undefined) things.delete(key);
        else things.put(key, value);
    };
    const attempt = (fails: boolean, work: () => void): void => {
      try {
        records.transaction(() => {
          work();
          if (fails) throw new Error('planned');
        });
      } catch (error) {
        assert.match(String(error), /planned/);
      }
    };
    for (const { changes, fails, inner, innerFails } of blocks)
      attempt(fails, () => {
        apply(changes);
        attempt(innerFails, () => apply(inner));
      });
    const memory = Array.from(things.entries());
    assert.deepEqual(Array.from(open().collection('things').entries()), memory);
  });
  fc.assert(property, { numRuns: 30 });
});

test('a second daemon and a later schema version are refused', (t) => {
  const { path, open } = fixture(t);
  const records = open();
  assert.throws(
    () => openRecords(path),
    (error) => isKind(error, 'conflict'),
  );
  records.transaction(() => {});
  records.close();
  const raw = new DatabaseSync(path);
  raw.exec('PRAGMA user_version = 99');
  raw.close();
  assert.throws(
    () => openRecords(path),
    (error) => isKind(error, 'invalid') && /version 99/.test(error.message),
  );
  const reset = new DatabaseSync(path);
  reset.exec('PRAGMA user_version = 1');
  reset.close();
});

test('a change for later is there at once, and on the disk with the next durable one or at the close', (t) => {
  const { path, open } = fixture(t);
  const records = open();
  const [first, second] = [records.collection<number>('first'), records.collection<number>('second')];
  first.putLater('a', 1);
  first.putLater('b', 2);
  first.deleteLater('a');
  assert.deepEqual(Array.from(first.entries()), [['b', 2]]);
  assert.deepEqual(afterCrash(path), { first: [], second: [] });
  assert.throws(() =>
    records.transaction(() => {
      second.put('x', 1);
      throw new Error('planned');
    }),
  );
  assert.deepEqual(afterCrash(path), { first: [], second: [] });
  second.put('x', 1);
  assert.deepEqual(afterCrash(path), { first: [['b', 2]], second: [['x', 1]] });
  first.deleteLater('b');
  assert.equal(open().collection('first').size, 0);
});

/** What another daemon would find, were this one killed now. */
function afterCrash(path: string): Record<string, unknown> {
  const copy = `${path}.copy`;
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, copy + suffix);
  const records = openRecords(copy);
  const read = (name: string): unknown => Array.from(records.collection(name).entries());
  const found = { first: read('first'), second: read('second') };
  records.close();
  return found;
}

test('changes write over what the files hold already, so that they need no room on the disk', (t) => {
  const { path, open } = fixture(t);
  const records = open().collection<{ text: string }>('things');
  records.put('first', { text: '' });
  const bytes = (): number => statSync(path).size + statSync(`${path}-wal`).size;
  const reserved = bytes();
  for (let n = 0; n < 1000; n++) records.put(`k${n % 50}`, { text: 'x'.repeat(3000) });
  for (let n = 0; n < 50; n++) records.delete(`k${n}`);
  assert.equal(bytes(), reserved);
});

test('what cannot be read is named, and not taken for nothing', (t) => {
  const { path, open } = fixture(t);
  open().collection<string>('things').put('one', 'value');
  open().close();
  const database = new DatabaseSync(path);
  database.exec(`UPDATE things SET value = '{"cut'`);
  database.close();
  const records = open();
  assert.throws(() => records.collection('things'), /the record one of things cannot be read: /);
  records.close();
  writeFileSync(path, 'x'.repeat(5000));
  assert.throws(open, /the records in .*metadata.db cannot be read: file is not a database/);
});
