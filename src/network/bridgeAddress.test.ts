import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { chooseBridgeAddress } from './bridgeAddress.ts';

describe('chooseBridgeAddress', () => {
  it('takes the first default pool when only default routes are there', () => {
    assert.equal(chooseBridgeAddress([]), '172.17.0.1/16');
    assert.equal(chooseBridgeAddress(['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/8']), '172.17.0.1/16');
  });

  it('steps over what a route overlaps, be it larger or smaller', () => {
    assert.equal(chooseBridgeAddress(['172.17.0.0/16', '172.18.9.0/24']), '172.19.0.1/16');
    assert.equal(chooseBridgeAddress(['172.16.0.0/12']), '192.168.0.1/20');
    assert.equal(chooseBridgeAddress(['172.16.0.0/12', '192.168.1.0/24']), '192.168.16.1/20');
  });

  it('says so when every pool is in use', () => {
    assert.throws(
      () => chooseBridgeAddress(['172.16.0.0/12', '192.168.0.0/16']),
      (error) => isKind(error, 'unavailable') && error.message.includes('non-overlapping IPv4 address pool'),
    );
  });
});
