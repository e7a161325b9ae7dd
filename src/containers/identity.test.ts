import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { generateName, IdIndex, newId, parseContainerName, resolveRef } from './index.ts';

const id = (prefix: string): string => prefix.padEnd(64, '0');

test('newId draws again while the id would pass for a number', () => {
  const draws = [Buffer.alloc(32, 0x12), Buffer.alloc(32, 0xab)];
  assert.equal(
    newId(() => draws.shift() ?? Buffer.alloc(0)),
    'ab'.repeat(32),
  );
});

test('a reference is a full id, then a name, then a unique prefix', () => {
  const ids = new IdIndex([id('abc1'), id('abc2'), id('def')]);
  const names = new Map([
    ['web', id('abc1')],
    ['def', id('abc2')],
  ]);
  const resolve = (ref: string): string => resolveRef(ref, { ids, names });
  assert.equal(resolve(id('abc2')), id('abc2'));
  assert.equal(resolve('web'), id('abc1'));
  assert.equal(resolve('/web'), id('abc1'));
  assert.equal(resolve('def'), id('abc2'), 'a name goes before a prefix');
  assert.equal(resolve('de'), id('def'));
  assert.throws(() => resolve('abc'), { kind: 'invalid', message: 'multiple IDs found with provided prefix: abc' });
  for (const ref of ['', 'nosuch', 'abc3', '/']) {
    assert.throws(() => resolve(ref), { kind: 'notFound', message: `No such container: ${ref}` });
  }
});

test('the index finds exactly what a search through all ids finds', () => {
  const hex = fc.string({ unit: fc.constantFrom('a', 'b', '0'), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), hex)), hex, (changes, prefix) => {
      const index = new IdIndex();
      const model = new Set<string>();
      for (const [adds, key] of changes) {
        if (adds) index.add(id(key));
        else index.delete(id(key));
        if (adds) model.add(id(key));
        else model.delete(id(key));
      }
      const matches = [...model].filter((one) => one.startsWith(prefix));
      assert.equal(index.size, model.size);
      if (matches.length > 1) assert.throws(() => index.resolve(prefix), { kind: 'invalid' });
      else assert.equal(index.resolve(prefix), matches[0]);
    }),
  );
});

test('names that users choose follow the rule', () => {
  assert.equal(parseContainerName('/web-1.x_y'), 'web-1.x_y');
  for (const name of ['a', '-web', 'we b', 'web/1', '', 'wéb', 'web\n']) {
    assert.throws(() => parseContainerName(name), {
      kind: 'invalid',
      message: `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    });
  }
});

test('generated names are an adjective and a surname, with a number after collisions', () => {
  const taken = new Set<string>();
  const first = generateName(
    () => 0,
    (name) => taken.has(name),
  );
  assert.match(first, /^[a-z]+_[a-z]+$/);
  taken.add(first);
  const second = generateName(
    () => 0,
    (name) => taken.has(name),
  );
  assert.equal(second, `${first}0`);
  taken.add(second);
  let seed = 1;
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const many = Array.from({ length: 2000 }, () => {
    const name = generateName(random, (candidate) => taken.has(candidate));
    taken.add(parseContainerName(name));
    return name;
  });
  assert.equal(new Set(many).size, many.length);
});
