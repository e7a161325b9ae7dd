import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseBind, parseBinds, refuseUnsupported } from './index.ts';

test('the mode of a bind is one access and one propagation at most', () => {
  const { readonly, propagation, mode } = parseBind('/a:/b:z,ro,rslave');
  assert.deepEqual({ readonly, propagation, mode }, { readonly: true, propagation: 'rslave', mode: 'z,ro,rslave' });
  for (const wrong of ['ro,rw', 'ro,ro', 'shared,slave', 'nonsense']) {
    assert.throws(() => parseBind(`/a:/b:${wrong}`), { kind: 'invalid', message: `invalid mode: ${wrong}` });
  }
});

test('what is no bind at all is told from a volume', () => {
  assert.throws(() => parseBind(''), { kind: 'invalid', message: "invalid volume specification: ''" });
  assert.throws(() => parseBind(':/b'), { kind: 'invalid' });
  assert.throws(() => parseBind('name:/b'), { kind: 'notImplemented' });
  assert.throws(() => parseBinds({ Mounts: [{ Type: 'volume', Target: '/b' }] }), { kind: 'notImplemented' });
});

test('a volume that a mount covers is no anonymous one', () => {
  const own = { Volumes: { '/a': {}, '/b': {}, '/c': {} } };
  const host = {
    Binds: ['/x:/a:ro'],
    Tmpfs: { '/b': '' },
    Mounts: [{ Type: 'bind' as const, Source: '/x', Target: '/c' }],
  };
  refuseUnsupported(host, own);
  assert.throws(() => refuseUnsupported({ Binds: ['/x:/a'] }, own), { kind: 'notImplemented' });
});
