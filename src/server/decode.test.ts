import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { GantryError } from '../base/index.ts';
import { decodeContainerCreate, decodeExecStart } from './decode.ts';

const decode = (value: unknown): unknown => decodeContainerCreate(JSON.stringify(value));

test('keys match in any case, unknown ones are dropped, the last of several wins', () => {
  assert.deepEqual(
    decodeContainerCreate('{"image":"a","IMAGE":"b","Whatever":{"x":1},"hostconfig":{"autoremove":true}}'),
    {
      Image: 'b',
      HostConfig: { AutoRemove: true },
    },
  );
});

test('null is as good as absent, and the zero value inside lists and maps', () => {
  assert.deepEqual(
    decode({
      Image: null,
      Env: [null, 'A=1'],
      HostConfig: { PortBindings: { '80/tcp': null, '81/tcp': [null] }, Memory: null },
      ExposedPorts: { '80/tcp': null },
    }),
    {
      Env: ['', 'A=1'],
      HostConfig: { PortBindings: { '80/tcp': [], '81/tcp': [{}] } },
      ExposedPorts: { '80/tcp': {} },
    },
  );
});

test('commands are lists or one string', () => {
  assert.deepEqual(decode({ Cmd: 'ls', Entrypoint: ['sh', '-c'] }), { Cmd: ['ls'], Entrypoint: ['sh', '-c'] });
});

test('a wrong type is refused by its place', () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ Tty: 'true' }, /ContainerConfig\.Tty is of type boolean, not string/],
    [{ HostConfig: [] }, /ContainerConfig\.HostConfig is of type object, not array/],
    [{ HostConfig: { Memory: '1g' } }, /ContainerConfig\.HostConfig\.Memory is of type integer, not string/],
    [{ HostConfig: { Memory: 1.5 } }, /Memory is an integer from/],
    [{ HostConfig: { Memory: 1e30 } }, /Memory is an integer from/],
    [{ Env: ['a', 1] }, /ContainerConfig\.Env\[1\] is of type string, not number/],
    [{ Labels: { a: 1 } }, /ContainerConfig\.Labels\.a is of type string, not number/],
    [[], /ContainerConfig is of type object, not array/],
  ];
  for (const [value, message] of wrong) assert.throws(() => decode(value), { kind: 'invalid', message });
});

test('a key named __proto__ is a key like any other', () => {
  const { Labels: labels } = decodeContainerCreate('{"Labels":{"__proto__":"x"}}');
  assert.ok(Object.hasOwn(labels ?? {}, '__proto__'));
  assert.equal(Object.getPrototypeOf(labels), Object.prototype);
});

test('any text is decoded or refused as invalid, and what is decoded decodes to itself', () => {
  const keys = fc.constantFrom(
    'Image',
    'cmd',
    'HostConfig',
    'Mounts',
    'Env',
    'Labels',
    'Memory',
    'Ulimits',
    '__proto__',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, 1.5, 'text'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(keys, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  const text = fc.oneof(
    fc.string(),
    tree.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(text, (body) => {
      let decoded: unknown;
      try {
        decoded = decodeContainerCreate(body);
      } catch (error) {
        assert.ok(error instanceof GantryError && error.kind === 'invalid');
        return;
      }
      assert.deepEqual(decode(decoded), decoded);
    }),
  );
});

test('very deep JSON is refused or ignored, never fatal', () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  for (const body of [deep, `{"Unknown":${deep}}`]) {
    try {
      decodeExecStart(body);
    } catch (error) {
      assert.ok(error instanceof GantryError);
    }
  }
});
