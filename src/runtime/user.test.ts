import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { GantryError } from '../base/index.ts';
import { resolveUser } from './user.ts';

const database = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\n# no entry\nbroken:x:1\nredis:x:999:998::/data:/bin/sh\n77:x:5:6::/seven:\n',
  group: 'root:x:0:\nredis:x:998:\naudio:x:29:redis,root\nvideo:x:44:redis\n',
};
const refusal = (message: string) => (error: unknown) => error instanceof GantryError && error.message === message;

describe('resolveUser', () => {
  it('finds users by name and number, with the groups that list them', () => {
    assert.deepEqual(resolveUser('', database), { uid: 0, gid: 0, additionalGids: [0, 29], home: '/root' });
    const redis = { uid: 999, gid: 998, additionalGids: [998, 29, 44], home: '/data' };
    assert.deepEqual(resolveUser('redis', database), redis);
    assert.deepEqual(resolveUser('999', database), redis);
  });

  it('lets a named group stand alone', () => {
    assert.deepEqual(resolveUser('redis:video', database, ['audio', '7']), {
      uid: 999,
      gid: 44,
      additionalGids: [44, 29, 7],
      home: '/data',
    });
    assert.equal(resolveUser('redis:12', database).gid, 12);
  });

  it('takes numbers that nobody has, also without any files', () => {
    assert.deepEqual(resolveUser('123', { passwd: undefined, group: undefined }), {
      uid: 123,
      gid: 0,
      additionalGids: [0],
      home: '/',
    });
    assert.equal(resolveUser('123:456', database).gid, 456);
  });

  it('prefers a name made of digits to the number', () => {
    assert.equal(resolveUser('77', database).uid, 5);
  });

  it('refuses names that are not there, in Docker’s words', () => {
    assert.throws(
      () => resolveUser('foo', database),
      refusal('unable to find user foo: no matching entries in passwd file'),
    );
    assert.throws(
      () => resolveUser('0:foo', database),
      refusal('unable to find group foo: no matching entries in group file'),
    );
    assert.throws(() => resolveUser('4294967296', database), refusal('uids and gids must be in range 0-2147483647'));
    assert.throws(() => resolveUser('-1', database), refusal('uids and gids must be in range 0-2147483647'));
    assert.throws(() => resolveUser('0:-5', database), refusal('uids and gids must be in range 0-2147483647'));
    assert.throws(
      () => resolveUser('0', database, ['x']),
      refusal('Unable to find group x: no matching entries in group file'),
    );
  });

  it('gives ids in range or refuses, whatever the files hold', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (user, passwd, group) => {
        try {
          const { uid, gid, additionalGids } = resolveUser(user, { passwd, group });
          for (const id of [uid, gid, ...additionalGids]) assert.ok(Number.isInteger(id) && id >= 0 && id < 2 ** 31);
        } catch (error) {
          assert.ok(error instanceof GantryError);
        }
      }),
    );
  });
});
